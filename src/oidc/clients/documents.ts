import { LRUCache } from 'lru-cache';
import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Settings } from '../../config/index.ts';
import type { Clock } from '../../core/clock.ts';
import { isLoopbackHostname } from '../../core/network.ts';
import { STANDARD_SCOPES } from '../../core/scopes.ts';
import type { GuessLimit } from '../../domain/lockout.ts';
import type { RegisteredClients } from '../../domain/registered-clients.ts';
import { sourceOf } from '../../domain/source.ts';
import { requestActor } from '../actor.ts';
import { type OutboundFetch, ReplyTooLarge } from '../outbound/fetch.ts';
import { orTooMany, TooMany } from '../request-size.ts';
import type { ApiRegistry } from '../tokens/apis.ts';
import { forLibrary } from './api-scope.ts';
import { ATTESTATION_METHODS } from './attestation.ts';
import { EXTRA_METADATA, LIBRARY_METADATA, propertyOf } from './names.ts';
import { checkRegistrantMetadata, type Metadata } from './registration/metadata.ts';
import { offered, OPEN_APIS } from './registration/policy.ts';

/** Limits of a document and its fetch (draft-ietf-oauth-client-id-metadata-document). */
export const DOCUMENT_LIMITS = { timeout: 3_000, maxBytes: 5_120 };

/** Characters of a URL: it is the `client_id` of every request. */
const MAX_URL_LENGTH = 255;

/** Milliseconds that a document is kept, whatever its headers say; the minimum without headers. */
const KEPT = { min: 5 * 60_000, max: 24 * 3_600_000 };

/** Milliseconds until an invalid document is requested again. */
const REFUSED_FOR = 60_000;

/** Milliseconds that a known document stays in use while its host does not answer. */
const OUTLIVES = 24 * 3_600_000;

/** Maximum of unknown URLs per source in ten minutes. */
const MAX_PER_SOURCE = 20;

/** Concurrent fetches per process. */
const MAX_CONCURRENT = 20;

/** Documents, and refusals, cached per process. */
const MAX_REMEMBERED = 5_000;

/** Endpoints that fetch an unknown client's document: those that a client calls first. */
const FETCHED_AT = new Set<string | undefined>([
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
  'token',
]);

/** Authentication methods of a client without a shared secret. */
const AUTH_METHODS: readonly string[] = ['none', 'private_key_jwt', ...ATTESTATION_METHODS];

/** URLs that must be on the client's own host: otherwise a document could vouch for other hosts. */
const OWN_HOST = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'jwks_uri'];

/** Properties that only operators may set, of a client that sets the rest itself. */
const KEPT_OF_OPERATORS = EXTRA_METADATA.filter((name) => propertyOf(name).registrants !== 'all');

const MAY_SAY = new Set<string>(
  [...LIBRARY_METADATA, ...EXTRA_METADATA].filter((name) => propertyOf(name).registrants === 'all'),
);

/** Properties that a document cannot set: the APIs decide what the client may request. */
const IGNORED = new Set(['scope', 'sector_identifier_uri']);

/** @throws InvalidClientMetadata with a reason for the author of the document. */
function refuse(reason: string): never {
  throw new errors.InvalidClientMetadata(`it ${reason}`);
}

/** The endpoint's error for a client with an invalid document (RFC 6749 section 5.2). */
function invalidClient({ oidc }: KoaContextWithOIDC, reason: string) {
  const description = `the metadata document of this client is invalid: ${reason}`;
  const refusal = new errors.CustomOIDCProviderError('invalid_client', description);
  if (oidc.route !== 'authorization') refusal.status = refusal.statusCode = 401;
  return refusal;
}

const isOfHost = (uri: unknown, host: string): boolean => {
  const { hostname } = (typeof uri === 'string' && URL.parse(uri)) || { hostname: '' };
  return hostname === host || hostname.endsWith(`.${host}`);
};

/** Whether a redirect URI leads to the client itself: its own host, or an app on the person's device (RFC 8252). */
function leadsHome(uri: unknown, host: string): boolean {
  const url = typeof uri === 'string' ? URL.parse(uri) : null;
  if (url?.protocol === 'http:') return isLoopbackHostname(url.hostname);
  return url?.protocol === 'https:' ? isOfHost(uri, host) : url !== null;
}

/**
 * Validates a document's metadata by the rules of a registration and completes it. @throws InvalidClientMetadata with
 * the reason.
 */
export function readDocument(id: string, text: string): { name: string; metadata: Metadata } {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return refuse('is not JSON');
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return refuse('is not a JSON object');
  const claimed = document as Metadata;
  if (claimed['client_id'] !== id) refuse('has a client_id that is not its URL');
  if ('client_secret' in claimed || 'client_secret_expires_at' in claimed)
    refuse('must not have a secret, because everybody can read it');
  const { token_endpoint_auth_method: method = 'none' } = claimed;
  if (!AUTH_METHODS.includes(method as string))
    refuse(`must have the token_endpoint_auth_method ${AUTH_METHODS.join(' or ')}`);
  const { hostname: host } = new URL(id);
  const metadata = Object.fromEntries(
    Object.entries(claimed).filter(([name]) => MAY_SAY.has(name) && !IGNORED.has(name)),
  );
  const redirects = metadata['redirect_uris'];
  if (!Array.isArray(redirects) || redirects.length === 0) refuse('has no redirect_uris');
  const home = (redirects as unknown[]).filter((uri) => leadsHome(uri, host));
  if (home.length === 0) refuse(`has no redirect_uris at ${host} or on the person's own device`);
  const strange = OWN_HOST.find((name) => metadata[name] !== undefined && !isOfHost(metadata[name], host));
  if (strange !== undefined) refuse(`has a ${strange} that is not at ${host}`);
  const { client_name: name = host } = claimed;
  Object.assign(metadata, { redirect_uris: home, token_endpoint_auth_method: method, client_name: name });
  checkRegistrantMetadata(metadata);
  const { client_name: checked, ...rest } = metadata;
  return {
    name: String(checked),
    metadata: {
      ...rest,
      grant_types: offered(metadata, 'grant_types', ['authorization_code'], OPEN_APIS.grantTypes),
      response_types: offered(metadata, 'response_types', ['code'], ['code']),
      scope: OPEN_APIS.scopes.join(' '),
      registration: 'document',
    },
  };
}

/** How long a reply may be kept, in milliseconds, by its headers (RFC 9111 sections 5.2 and 5.3) within our bounds. */
function lifetimeOf(headers: Headers, now: number): number {
  const control = headers.get('cache-control') ?? '';
  const [, seconds] = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,9})/i.exec(control) ?? [];
  const expires = Date.parse(headers.get('expires') ?? '') - now;
  const wanted = seconds === undefined ? expires : Number(seconds) * 1000 - ageOf(headers);
  const isKept = !/no-(?:store|cache)/i.test(control) && Number.isFinite(wanted);
  return Math.min(KEPT.max, Math.max(KEPT.min, isKept ? wanted : 0));
}

const ageOf = (headers: Headers): number =>
  Number(/^\d{1,9}$/.exec(headers.get('age') ?? '')?.[0] ?? 0) * 1000;

interface Dependencies {
  settings: Settings['clientDocuments'];
  apis: Pick<ApiRegistry, 'dynamic'>;
  registered: RegisteredClients;
  fetch: OutboundFetch;
  guessLimit: GuessLimit;
  clock: Clock;
}

/**
 * Clients whose `client_id` is the https URL of a document (OAuth Client ID Metadata Document). A fetched document becomes a
 * client like any other: operators see it, can disable (block) and delete (forget) it.
 */
export class ClientDocuments {
  readonly #deps: Dependencies;
  /** When documents must be looked at again, in milliseconds since the epoch. */
  readonly #fresh = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  readonly #refused = new LRUCache<string, { until: number; reason: string }>({ max: MAX_REMEMBERED });
  readonly #pending = new Map<string, Promise<void>>();

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Whether such clients are accepted: always, never, or while an API is open to them. */
  get isOn(): boolean {
    const { settings, apis } = this.#deps;
    return settings.enabled === 'always' || (settings.enabled === 'auto' && apis.dynamic.length > 0);
  }

  /** Whether a `client_id` is a URL that can have a document: https, with a path, in canonical form. */
  static isUrl(id: string): boolean {
    if (!id.startsWith('https://') || id.length > MAX_URL_LENGTH) return false;
    const url = URL.parse(id);
    const isPlain = url?.username === '' && url.password === '' && !id.includes('#');
    return isPlain && url.href === id && url.pathname !== '/';
  }

  /** Makes this node check it again. */
  forget(id: string | null): void {
    if (id === null) this.#fresh.clear();
    else this.#fresh.delete(id);
  }

  /**
   * Fetches the document of a client unless it is known and fresh, at endpoints that the client itself calls.
   * @returns whether there may be such a client.
   * @throws InvalidClient for an invalid document, TooMany.
   */
  async ensure(id: string): Promise<boolean> {
    const { clock, registered } = this.#deps;
    const now = clock.now();
    if ((this.#fresh.get(id) ?? 0) > now && this.#mayBe(id)) return true;
    const known = await registered.findDocument(id);
    // An operator has registered it, or blocked it.
    if (known && (known.isBlocked || known.expiresAt === null)) return true;
    if (!this.#mayBe(id)) return false;
    const expiresAt = known?.expiresAt?.getTime() ?? 0;
    if (expiresAt > now) this.#fresh.set(id, expiresAt);
    const { ctx } = Provider;
    if (expiresAt > now || !ctx || !FETCHED_AT.has(ctx.oidc?.route)) return known !== null;
    const refused = this.#refused.get(id);
    if (refused && refused.until > now) throw invalidClient(ctx, refused.reason);
    await this.#fetchOnce(id, expiresAt, ctx);
    return true;
  }

  /** Whether this server accepts documents, and those of this host. */
  #mayBe(id: string): boolean {
    const { settings } = this.#deps;
    const { hostname } = new URL(id);
    const isListed = (hosts: readonly string[]) =>
      hosts.some((host) => hostname === host || hostname.endsWith(`.${host}`));
    return this.isOn && !isListed(settings.deny) && (settings.allow.length === 0 || isListed(settings.allow));
  }

  /** Coalesce concurrent fetches of a document. */
  async #fetchOnce(id: string, expiresAt: number, ctx: KoaContextWithOIDC): Promise<void> {
    const pending = this.#pending.get(id);
    if (pending) return pending;
    if (this.#pending.size >= MAX_CONCURRENT) throw new TooMany(5);
    const work = this.#refresh(id, expiresAt, ctx).finally(() => this.#pending.delete(id));
    this.#pending.set(id, work);
    return work;
  }

  async #refresh(id: string, expiresAt: number, ctx: KoaContextWithOIDC): Promise<void> {
    const { clock, registered, guessLimit } = this.#deps;
    const now = clock.now();
    if (expiresAt === 0) {
      const source = `source:${sourceOf(ctx.get('X-Forwarded-For'))}`;
      await orTooMany(guessLimit('client_document', [source], MAX_PER_SOURCE, async () => undefined));
    }
    try {
      const reply = await this.#get(id);
      if (reply === null) {
        if (expiresAt === 0 || expiresAt + OUTLIVES < now) refuse('could not be fetched');
        this.#fresh.set(id, now + REFUSED_FOR);
        return;
      }
      const { name, metadata } = readDocument(id, reply.text);
      // Building the client is the check, as for all others.
      const Client = ctx.oidc.provider.Client as unknown as new (metadata: Metadata) => object;
      void new Client(forLibrary({ ...metadata, client_id: id, client_name: name }, STANDARD_SCOPES));
      const until = now + lifetimeOf(reply.headers, now);
      const host = new URL(id).hostname;
      const document = { host, expiresAt: new Date(until), kept: KEPT_OF_OPERATORS };
      const saving = registered.saveDocument(
        { id, name, metadata },
        document,
        requestActor(ctx, 'anonymous', null),
      );
      await orTooMany(saving);
      this.#refused.delete(id);
      this.#fresh.set(id, until);
    } catch (error) {
      if (!(error instanceof errors.InvalidClientMetadata)) throw error;
      const reason = error.error_description ?? error.message;
      this.#refused.set(id, { until: now + REFUSED_FOR, reason });
      throw invalidClient(ctx, reason);
    }
  }

  /**
   * Fetches a document; null when its host cannot be reached or fails. @throws InvalidClientMetadata for a reply that
   * is not a document.
   */
  async #get(id: string): Promise<{ text: string; headers: Headers } | null> {
    let reply: Response;
    try {
      reply = await this.#deps.fetch(id, { headers: { Accept: 'application/json' } });
    } catch (error) {
      if (error instanceof ReplyTooLarge) refuse(`has more than ${DOCUMENT_LIMITS.maxBytes} bytes`);
      return null;
    }
    const { status, headers } = reply;
    if (status >= 500) return null;
    if (status >= 300 && status < 400) refuse('must not redirect');
    if (status !== 200) refuse(`was not found (status ${status})`);
    const [type = ''] = (headers.get('content-type') ?? '').toLowerCase().split(';');
    if (!/^application\/(?:[\w.-]+\+)?json$/.test(type.trim())) refuse('must be application/json');
    return { text: await reply.text(), headers };
  }
}
