import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, type Provider } from 'oidc-provider';
import type { Actor } from '../../core/actor.ts';
import type { Allowed } from '../../storage/consents.ts';
import type { Stores } from '../../storage/stores.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Attributes } from '../../domain/attributes/index.ts';
import { scopeClaims } from '../account.ts';
import { NOT_ALLOWED } from '../clients/app-access.ts';
import type { AuthorizationDetail } from '../authorization-details.ts';
import type { AcrValue, HintedInteraction } from './policy.ts';
import type { ApiRegistry } from '../tokens/apis.ts';
import type { Authorization } from '../tokens/authorization-claims.ts';
import { accountOfSubject, type SubjectDependencies } from '../tokens/subjects.ts';
import { offeredScopes } from '../tokens/requested-scopes.ts';
import type { BrowserSessions, Ended, Login } from '../sessions/browser-session.ts';
import { allow } from './grants.ts';
import type { LiveProvider } from '../live-provider.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

/** A pending interaction: what an authorization request needs from the person. */
export interface OpenInteraction {
  uid: string;
  prompt: 'login' | 'create' | 'select_account' | 'mfa' | 'app_access' | 'consent';
  /** The weakest login that the request accepts, where a stronger one is needed. */
  acr: AcrValue | undefined;
  client: Client;
  /** The account signed in with this browser, if any. */
  accountId: string | undefined;
  /** Whether it asks for somebody else, who was signed in before: they can only sign in. */
  isOfAnother: boolean;
  /** Whether their session outlives the browser. */
  remembered: boolean;
  /** Absent for a device, which polls. */
  redirectUri: string | undefined;
  loginHint: string | undefined;
  /** The account that `id_token_hint` or the claims request names, if it can be determined (Core 3.1.2.1, 5.5.1). */
  hintedId: string | undefined;
  uiLocales: string | undefined;
  /** The query for the same request again; undefined for clients that must push or sign their requests, and for a device. */
  again: string | undefined;
  /**
   * The requested scopes: of OpenID Connect (including those that hold individually requested claims), and of APIs by
   * identifier as far as the person's roles allow; `isOwn` marks our own API.
   */
  scopes: string[];
  apis: { identifier: string; name: string; isOwn: boolean; scopes: string[] }[];
  missing: Allowed;
  /** The requested authorization details (RFC 9396), for consent. */
  details: AuthorizationDetail[];
}

/** The public metadata of a client. */
export type ShownClient = Pick<
  Client,
  'clientId' | 'clientName' | 'clientUri' | 'logoUri' | 'policyUri' | 'tosUri'
> & { isDisabled?: boolean; agent?: unknown; registration?: unknown };

export interface Described {
  client: ShownClient | undefined;
  apis: { identifier: string; name: string; isOwn: boolean }[];
}

interface Dependencies
  extends
    Pick<SubjectDependencies, 'sourceIds'>,
    Pick<Stores, 'clients' | 'consents' | 'audit' | 'inTransaction'> {
  live: LiveProvider;
  /** What accounts have beyond the profile. */
  attributes: Pick<Attributes, 'claimsByScope' | 'scopes'>;
  apis: ApiRegistry;
  authorization: Pick<Authorization, 'scopesFor'>;
  findUser(id: string): Promise<UserRecord | null>;
  /** Seconds that one may wait for a person who is known, or was sent mail. */
  lifetime: number;
  sessions: Pick<BrowserSessions, 'current' | 'endAnother'>;
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;
type Missing = {
  rar?: AuthorizationDetail[];
  missingOIDCScope?: string[];
  missingOIDCClaims?: string[];
  missingResourceScopes?: Record<string, string[]>;
};

const words = (value: unknown): string[] =>
  typeof value === 'string' ? value.split(' ').filter(Boolean) : [];
const optional = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The subject that a claims request names (Core 5.5.1); an interaction exists only after its JSON was checked. */
function claimedSubject({ claims }: Record<string, unknown>): string | undefined {
  if (typeof claims !== 'string') return undefined;
  const { id_token: asked } = JSON.parse(claims) as { id_token?: { sub?: { value?: unknown } | null } };
  return optional(asked?.sub?.value);
}

const isRepeatable = (details: Details, client: Client): boolean =>
  details.deviceCode === undefined &&
  (details as { parJti?: string }).parJti === undefined &&
  // The token is not kept; otherwise anybody could sign in.
  (details as HintedInteraction).hintedId === undefined &&
  client.requirePushedAuthorizationRequests !== true &&
  client.requireSignedRequestObject !== true;

/** The session that an interaction began in, which may have ended when it continues. */
const detached = ({ session }: Details): object | undefined => session && { ...session, uid: undefined };

const queryOf = (params: Record<string, unknown>): string =>
  new URLSearchParams(
    Object.entries(params).flatMap(([name, value]) =>
      [value]
        .flat()
        .filter((one) => typeof one === 'string')
        .map((one): [string, string] => [name, one]),
    ),
  ).toString();

/** The steps of an authorization request that pages answer. Each answer returns where the browser goes next. */
export class Interactions {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * The interaction of this browser; null when it has expired, was finished elsewhere or is another browser's; `another` when it
   * asks for a person who is no longer the one signed in.
   */
  async open(
    req: IncomingMessage,
    res: ServerResponse,
    uid: string,
  ): Promise<OpenInteraction | 'another' | null> {
    const details = await this.#find(req, res);
    if (details?.uid !== uid) return null;
    const { params, prompt } = details;
    const client = await this.#deps.live.current.Client.find(String(params['client_id']));
    if (!client) return null;
    const { accountId } = details.session ?? {};
    const current = accountId === undefined ? null : await this.#deps.sessions.current(req, res);
    const isLogin = prompt.name === 'login' || prompt.name === 'create';
    const isOfAnother = !isLogin && current?.accountId !== accountId;
    // Half of the login came from the session that has ended.
    if (isOfAnother && prompt.name === 'mfa') return 'another';
    const {
      missingOIDCScope = [],
      missingOIDCClaims = [],
      missingResourceScopes = {},
      rar = [],
    } = prompt.details as Missing;
    const requested = words(params['scope']);
    const claims = scopeClaims(this.#deps.attributes);
    const isOwn = (scope: string) =>
      requested.includes(scope) || claims[scope]?.some((claim) => missingOIDCClaims.includes(claim));
    const user = current && (await this.#deps.findUser(current.accountId));
    const named = [params['resource'] ?? []]
      .flat()
      .flatMap((identifier) =>
        typeof identifier === 'string' ? (this.#deps.apis.find(identifier) ?? []) : [],
      );
    const apis = await Promise.all(
      named.map(async (api) => {
        const offered = user
          ? await this.#deps.authorization.scopesFor(api, client, user)
          : offeredScopes(api, client);
        const { identifier, name, isOwn: isOurs = false } = api;
        const scopes = offered.filter((scope) => requested.includes(scope));
        return { identifier, name, isOwn: isOurs, scopes };
      }),
    );
    return {
      uid,
      prompt: prompt.name as OpenInteraction['prompt'],
      acr: prompt.details['acr'] as AcrValue | undefined,
      client,
      accountId: current?.accountId,
      isOfAnother,
      remembered: current?.remember ?? false,
      redirectUri: optional(params['redirect_uri']),
      loginHint: optional(params['login_hint']),
      hintedId:
        (details as HintedInteraction).hintedId ??
        (await accountOfSubject(this.#deps, claimedSubject(params), client)),
      uiLocales: optional(params['ui_locales']),
      again: isRepeatable(details, client) ? queryOf(params) : undefined,
      scopes: this.#deps.attributes.scopes().filter(isOwn),
      apis,
      missing: {
        oidcScopes: missingOIDCScope,
        oidcClaims: missingOIDCClaims,
        resourceScopes: missingResourceScopes,
      },
      details: rar,
    };
  }

  /** Keeps one waiting for a person who reads their mail first. */
  async prolong(uid: string): Promise<void> {
    const interaction = await this.#deps.live.current.Interaction.find(uid);
    await interaction?.save(this.#deps.lifetime);
  }

  /** A client and APIs to show, if still known; a disabled client too. */
  async describe(clientId: string, apis: string[]): Promise<Described> {
    return {
      client: (await this.#deps.live.current.Client.find(clientId)) ?? (await this.#disabled(clientId)),
      apis: apis
        .flatMap((identifier) => this.#deps.apis.find(identifier) ?? [])
        .map((api) => ({ ...api, isOwn: api.isOwn === true })),
    };
  }

  /** A disabled client, which the provider does not find. */
  async #disabled(id: string): Promise<ShownClient | undefined> {
    const found = await this.#deps.clients.find(id);
    if (!found) return undefined;
    const { name, metadata, enabled } = found;
    return {
      clientId: id,
      clientName: name,
      clientUri: optional(metadata['client_uri']),
      logoUri: optional(metadata['logo_uri']),
      policyUri: optional(metadata['policy_uri']),
      tosUri: optional(metadata['tos_uri']),
      agent: metadata['agent'],
      registration: metadata['registration'],
      isDisabled: !enabled,
    };
  }

  /**
   * The person has logged in, or just created the account. Another person's session ends here, not in the library: there it
   * would end with the grant that this interaction began under, and with it the interaction. If the request is for one person
   * only, nothing changes for anybody else, and the client is told (OpenID Connect Core 3.1.2.1).
   */
  async login(
    req: IncomingMessage,
    res: ServerResponse,
    { accountId, amr, acr, authTime, remember, securityVersion }: Login & { securityVersion: number },
  ): Promise<{ continueUrl: string; ended: Ended | null }> {
    const details = await this.#open(req, res);
    const { hintedId = accountId } = details as HintedInteraction;
    if (hintedId !== accountId) {
      const continueUrl = await this.#fail(req, res, {
        error: 'login_required',
        error_description: 'another end-user than the id_token_hint names has signed in',
      });
      return { continueUrl, ended: null };
    }
    const ended = await this.#deps.sessions.endAnother(req, res, accountId);
    const login = { accountId, amr, acr, remember, ts: authTime, securityVersion };
    // Keep earlier answers of the same person, above all consent.
    const answered = details.session?.accountId === accountId ? details.lastSubmission : {};
    Object.assign(details, {
      // A person who has just authenticated does not need the session in which it began.
      session: detached(details),
      result: { ...answered, login, create: {}, select_account: {} },
    });
    await details.persist();
    return { continueUrl: details.returnTo, ended };
  }

  /** The person continues with the signed-in account (`prompt=select_account`). */
  async select(req: IncomingMessage, res: ServerResponse): Promise<string> {
    return this.#answer(req, res, await this.#open(req, res), {
      select_account: {},
    });
  }

  /** Grants what is missing and remembers it for later logins. */
  async consent(
    req: IncomingMessage,
    res: ServerResponse,
    interaction: OpenInteraction,
    actor: Actor,
  ): Promise<string> {
    const { live, consents, audit, inTransaction } = this.#deps;
    const provider = live.current;
    const details = await this.#open(req, res);
    const accountId = details.session?.accountId;
    if (accountId === undefined) throw new errors.SessionNotFound('the session has no account');
    const { clientId } = interaction.client;
    const session = await provider.Session.get(provider.createContext(req, res));
    const held = session.authorizations?.[clientId]?.grantId;
    const found = held === undefined ? undefined : await provider.Grant.find(held);
    const known = found?.accountId === accountId ? found : undefined;
    const grant = known ?? new provider.Grant({ accountId, clientId });
    allow(grant, interaction.missing);
    const grantId = await grant.save();
    const allowed: Allowed = {
      oidcScopes: words(grant.openid?.scope),
      oidcClaims: grant.openid?.claims ?? [],
      resourceScopes: Object.fromEntries(
        Object.entries(grant.resources ?? {}).map(([api, scope]) => [api, words(scope)]),
      ),
    };
    await inTransaction(async (tx) => {
      await consents.save(accountId, clientId, allowed, tx);
      await audit.record(
        {
          type: 'consent.granted',
          subject: accountId,
          clientId,
          details: { ...allowed, authorizationDetails: interaction.details },
        },
        actor,
        tx,
      );
    });
    return this.#answer(req, res, details, { consent: { grantId } });
  }

  /** Stores the answers with the person's current session: they may have signed in again in another tab. */
  async #answer(
    req: IncomingMessage,
    res: ServerResponse,
    details: Details,
    result: object,
  ): Promise<string> {
    const current = await this.#deps.sessions.current(req, res);
    if (!current || current.accountId !== details.session?.accountId)
      throw new errors.SessionNotFound('the session has another account');
    Object.assign(details, {
      session: { ...details.session, uid: current.uid },
      result: { ...details.lastSubmission, ...result },
    });
    await details.persist();
    return details.returnTo;
  }

  /** The person declines: the client gets `access_denied` (RFC 6749 section 4.1.2.1). */
  abort(req: IncomingMessage, res: ServerResponse): Promise<string> {
    return this.#fail(req, res, {
      error: 'access_denied',
      error_description: 'the end-user aborted the interaction',
    });
  }

  /** The person may not use the client; the client is told so. */
  notAllowed(req: IncomingMessage, res: ServerResponse): Promise<string> {
    return this.#fail(req, res, { error: 'access_denied', error_description: NOT_ALLOWED });
  }

  /** No possible login meets the client's requirement (OpenID Connect Unmet Authentication Requirements). */
  unmet(req: IncomingMessage, res: ServerResponse): Promise<string> {
    return this.#fail(req, res, {
      error: 'unmet_authentication_requirements',
      error_description: 'the requested acr cannot be met',
    });
  }

  async #fail(req: IncomingMessage, res: ServerResponse, result: object): Promise<string> {
    const details = await this.#open(req, res);
    // Nothing is granted, so the session in which it began does not matter.
    Object.assign(details, { session: detached(details), result });
    await details.persist();
    return details.returnTo;
  }

  /**
   * The interaction that the browser's cookie names. Unlike the library, also finds it when its session has ended: somebody may
   * have signed out, or another person in, in another tab.
   */
  async #find(req: IncomingMessage, res: ServerResponse): Promise<Details | null> {
    const provider = this.#deps.live.current;
    const { cookies } = provider.createContext(req, res);
    const id = cookies.get(provider.cookieName('interaction'), { signed: true });
    return (id === undefined ? undefined : await provider.Interaction.find(id)) ?? null;
  }

  async #open(req: IncomingMessage, res: ServerResponse): Promise<Details> {
    const details = await this.#find(req, res);
    if (!details) throw new errors.SessionNotFound('interaction session not found');
    return details;
  }
}
