import { LRUCache } from 'lru-cache';
import { errors, Provider } from 'oidc-provider';
import { CONTRACT_CLIENT } from '../../core/contract-client.ts';
import { sha256 } from '../../core/ids.ts';
import { constantTimeEqual } from '../../core/secrets.ts';
import type { Attributes } from '../../domain/attributes/index.ts';
import type { ClientRecord, Clients } from '../../storage/clients.ts';
import { type Override, shape } from '../overrides/override.ts';
import { forLibrary } from './api-scope.ts';
import { ClientDocuments } from './documents.ts';

type Ending = Pick<ClientRegistry, 'hasEndingSecret'>;
type SecretsOf = (clientId: string) => Promise<string[]>;

/** Whether a hash is that of a client's newest secret. A client without a secret has none. */
const isNewest = ({ clientSecret }: { clientSecret?: string | undefined }, hash: string): boolean =>
  constantTimeEqual(clientSecret ?? '', hash);

/**
 * Client secrets are stored as SHA-256: they are random, so a slow hash would add nothing. Methods that need the secret itself
 * (client_secret_jwt, HS256) are therefore not offered.
 * @param secretsOf the hashes of all valid secrets of a client: after a rotation, earlier ones too.
 */
function installHashedSecrets(provider: Provider, secretsOf: SecretsOf, clients: Ending): void {
  provider.Client.prototype.compareClientSecret = async function compareClientSecret(
    this: { clientId: string; clientSecret?: string },
    actual: string,
  ) {
    const hash = sha256(actual);
    // The newest is in memory. Ask the store about another one, or one with an end.
    if (isNewest(this, hash) && !clients.hasEndingSecret(this.clientId)) return true;
    return (await secretsOf(this.clientId)).some((known) => constantTimeEqual(known, hash));
  };
}

export const hashedSecrets: Override<{ clientSecrets: SecretsOf; clients: Ending }> = {
  name: 'hashed-client-secrets',
  why: 'the library compares client secrets in clear, and knows one of a client',
  provenFor: '9.13.x',
  upstream: 'https://github.com/panva/node-oidc-provider/issues/631',
  check: shape('Client.prototype.compareClientSecret'),
  install: (provider, { clientSecrets, clients }) => installHashedSecrets(provider, clientSecrets, clients),
};

/** Clients cached per process. A compiled client takes a few kilobytes. */
const MAX_CLIENTS = 10_000;
/** Milliseconds that bound the effect of a lost announcement: changes are announced to every node at once. */
const TTL = 60_000;

/** Printable ASCII (RFC 6749 appendix A.1): anything else is unknown, and PostgreSQL cannot store all of it. */
const CLIENT_ID = /^[\x20-\x7e]{1,255}$/;

type CompiledClient = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

/** The endpoints where clients authenticate. */
const BY_CLIENT = new Set<string | undefined>([
  'authorization',
  'pushed_authorization_request',
  'device_authorization',
  'backchannel_authentication',
  'token',
  'introspection',
  'revocation',
]);

/** Requests whose client is disabled, by its id: other look-ups within such a request do not find it. */
const told = new WeakMap<object, string>();

/** The disabled client that made the request; undefined for any other request. */
export const disabledClientOf = (ctx: object): string | undefined => told.get(ctx);

/**
 * Treat a disabled client as unknown in look-ups. Its own requests get the reason.
 * @throws InvalidClient.
 */
function refuseDisabled(id: string): void {
  const { ctx } = Provider;
  if (!ctx || told.has(ctx) || ctx.oidc?.client !== undefined || !BY_CLIENT.has(ctx.oidc?.route)) return;
  told.set(ctx, id);
  const refusal = new errors.CustomOIDCProviderError('invalid_client', 'this client is disabled');
  if (ctx.oidc.route !== 'authorization') refusal.status = refusal.statusCode = 401;
  throw refusal;
}

const newCache = () => new LRUCache<string, CompiledClient>({ max: MAX_CLIENTS, ttl: TTL });

/** A client's metadata as the library wants it (RFC 7591), with the secret's hash in place of the secret. */
function toMetadata(
  client: ClientRecord,
  oidcScopes: readonly string[],
): Record<string, unknown> & { client_id: string } {
  return {
    ...forLibrary(client.metadata, oidcScopes),
    client_id: client.id,
    client_name: client.name,
    ...(client.secretHash === null ? {} : { client_secret: client.secretHash }),
  };
}

/**
 * The library looks up the client on every request and checks its metadata again unless it was among the last hundred. This
 * keeps compiled clients until they change, so a request needs neither a database read nor a schema check.
 */
export class ClientRegistry {
  readonly #clients: Clients;
  readonly #isOpen: (contract: string) => boolean;
  readonly #documents: ClientDocuments;
  readonly #attributes: Pick<Attributes, 'scopes'>;
  #oidcScopes: readonly string[] = [];
  /** Of the provider in use. */
  #compiled: ReturnType<typeof newCache> | undefined;
  /** Clients that were disabled when read, and those whose newest secret has an end. */
  readonly #disabled = new Set<string>();
  readonly #ending = new Set<string>();
  /** Goes up with every change: the result of a read that started before must not be kept. */
  #generation = 0;

  /** @param isOpen whether a contract is, by its name: the client of a closed one is not found */
  constructor(
    clients: Clients,
    isOpen: (contract: string) => boolean,
    documents: ClientDocuments,
    attributes: Pick<Attributes, 'scopes'>,
  ) {
    this.#clients = clients;
    this.#attributes = attributes;
    this.#documents = documents;
    this.#isOpen = isOpen;
  }

  /** The scopes of the current provider: it refuses a client that names others. */
  get oidcScopes(): readonly string[] {
    return this.#oidcScopes;
  }

  /** The adapter's view of a client. */
  async metadata(id: string): Promise<Record<string, unknown> | undefined> {
    const client = CLIENT_ID.test(id) ? await this.#clients.find(id) : null;
    const put = (set: Set<string>, isIn: boolean) => (isIn ? set.add(id) : set.delete(id));
    put(this.#disabled, client?.enabled === false);
    put(this.#ending, client !== null && client.secretExpiresAt !== null);
    return client?.enabled ? toMetadata(client, this.#oidcScopes) : undefined;
  }

  /** Whether the newest secret of a cached client has an end, which the store knows. */
  hasEndingSecret(id: string): boolean {
    return this.#ending.has(id);
  }

  /**
   * A client that is cached, if `secret` is its newest one and has no end: needs no store. Undefined otherwise, even for a valid
   * client.
   */
  recognize(id: string, secret: string): CompiledClient | undefined {
    const client =
      id.startsWith(CONTRACT_CLIENT) || this.#ending.has(id) ? undefined : this.#compiled?.get(id);
    return client && isNewest(client, sha256(secret)) ? client : undefined;
  }

  /** Drops one client from the cache, or with null all of them: after a change, or when announcements may have been missed. */
  forget(id: string | null): void {
    this.#generation += 1;
    this.#documents.forget(id);
    if (id === null) this.#compiled?.clear();
    else this.#compiled?.delete(id);
  }

  /** Puts a cache before `provider`'s own look-up. Compiled clients belong to one provider: each has its own cache. */
  install(provider: Provider): void {
    const compiled = newCache();
    this.#compiled = compiled;
    this.#oidcScopes = this.#attributes.scopes();
    const find = provider.Client.find.bind(provider.Client);
    provider.Client.find = async (id: unknown) => {
      // An assertion's subject is untrusted.
      if (typeof id !== 'string') return undefined;
      if (id.startsWith(CONTRACT_CLIENT) && !this.#isOpen(id.slice(CONTRACT_CLIENT.length))) return undefined;
      if (ClientDocuments.isUrl(id) && !(await this.#documents.ensure(id))) return undefined;
      const known = compiled.get(id);
      if (known) return known;
      const generation = this.#generation;
      const client = await find(id);
      if (client && generation === this.#generation) compiled.set(id, client);
      if (!client && this.#disabled.has(id)) refuseDisabled(id);
      return client;
    };
  }
}

export const clientCache: Override<{ clients: ClientRegistry }> = {
  name: 'client-cache',
  why: 'the library asks the adapter for the client at every request',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Client.find'),
  install: (provider, { clients }) => clients.install(provider),
};
