import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, type Provider } from 'oidc-provider';
import type { Actor } from '../../kernel/actor.ts';
import type { Audit } from '../../storage/audit.ts';
import type { Allowed, Consents } from '../../storage/consents.ts';
import type { InTransaction } from '../../storage/postgres/transaction.ts';
import { OIDC_SCOPES, SCOPE_CLAIMS } from '../account.ts';
import type { AuthorizationDetail } from '../authorization-details/within.ts';
import type { AcrValue } from './acr.ts';
import type { ApiRegistry } from '../tokens/apis.ts';
import type { Login } from '../sessions/browser-session.ts';
import type { ExtraClientProperties } from '../clients/metadata.ts';
import { allow } from './grants.ts';
import type { LiveProvider } from '../live-provider.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

/** What the provider waits for, in an authorization request that a person has to do something for. */
export interface OpenInteraction {
  uid: string;
  prompt: 'login' | 'create' | 'mfa' | 'consent';
  /** The weakest login that the request is content with, where a stronger one is needed. */
  acr: AcrValue | undefined;
  client: Client;
  /** The account signed in with this browser, if any. */
  accountId: string | undefined;
  /** Of a device there is none: it waits by itself. */
  redirectUri: string | undefined;
  loginHint: string | undefined;
  uiLocales: string | undefined;
  /**
   * What the request asks for: scopes of OpenID Connect (with those that hold single claims it asks for), and those of
   * APIs by identifier; `isOwn` says that it is ours.
   */
  scopes: string[];
  apis: { identifier: string; name: string; isOwn: boolean; scopes: string[] }[];
  missing: Allowed;
  /** What it asks for in detail (RFC 9396), on the way to consent. */
  details: AuthorizationDetail[];
}

export interface Described {
  client: Client | undefined;
  apis: { identifier: string; name: string; isOwn: boolean }[];
}

interface Dependencies {
  live: LiveProvider;
  apis: ApiRegistry;
  consents: Consents;
  audit: Audit;
  inTransaction: InTransaction;
  /** Seconds that one may wait for somebody who is known, or has been written to. */
  lifetime: number;
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

/** The steps of an authorization request that pages answer. Each answer returns where the browser goes on. */
export class Interactions {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The interaction of this browser; null when it has expired, was finished elsewhere, or is another browser's. */
  async open(req: IncomingMessage, res: ServerResponse, uid: string): Promise<OpenInteraction | null> {
    const details = await this.#details(req, res);
    if (details?.uid !== uid) return null;
    const { params, prompt } = details;
    const client = await this.#deps.live.current.Client.find(String(params['client_id']));
    if (!client) return null;
    const {
      missingOIDCScope = [],
      missingOIDCClaims = [],
      missingResourceScopes = {},
      rar = [],
    } = prompt.details as Missing;
    const requested = words(params['scope']);
    const limit = (client as ExtraClientProperties).api_scope;
    const isOfApi = (scope: string) =>
      requested.includes(scope) && (limit === undefined || words(limit).includes(scope));
    const isOwn = (scope: string) =>
      requested.includes(scope) || SCOPE_CLAIMS[scope]?.some((claim) => missingOIDCClaims.includes(claim));
    const apis = [params['resource'] ?? []]
      .flat()
      .flatMap((identifier) =>
        typeof identifier === 'string' ? (this.#deps.apis.find(identifier) ?? []) : [],
      )
      .map(({ identifier, name, scopes }) => ({
        identifier,
        name,
        isOwn: identifier === this.#deps.apis.builtIn,
        scopes: scopes.filter(isOfApi),
      }));
    return {
      uid,
      prompt: prompt.name as OpenInteraction['prompt'],
      acr: prompt.details['acr'] as AcrValue | undefined,
      client,
      accountId: details.session?.accountId,
      redirectUri: optional(params['redirect_uri']),
      loginHint: optional(params['login_hint']),
      uiLocales: optional(params['ui_locales']),
      scopes: OIDC_SCOPES.filter(isOwn),
      apis,
      missing: {
        oidcScopes: missingOIDCScope,
        oidcClaims: missingOIDCClaims,
        resourceScopes: missingResourceScopes,
      },
      details: rar,
    };
  }

  /** Lets one wait for a person who reads their mail first. */
  async prolong(uid: string): Promise<void> {
    const interaction = await this.#deps.live.current.Interaction.find(uid);
    await interaction?.save(this.#deps.lifetime);
  }

  /** A client and APIs, as far as they are known still, to be shown. */
  async describe(clientId: string, apis: string[]): Promise<Described> {
    return {
      client: await this.#deps.live.current.Client.find(clientId),
      apis: apis
        .flatMap((identifier) => this.#deps.apis.find(identifier) ?? [])
        .map((api) => ({ ...api, isOwn: api.identifier === this.#deps.apis.builtIn })),
    };
  }

  /** The person has logged in, or just created the account. */
  async login(
    req: IncomingMessage,
    res: ServerResponse,
    { accountId, amr, acr, authTime, remember, securityVersion }: Login & { securityVersion: number },
  ): Promise<string> {
    const login = { accountId, amr, acr, remember, ts: authTime, securityVersion };
    return this.#deps.live.current.interactionResult(
      req,
      res,
      { login, create: {} },
      { mergeWithLastSubmission: false },
    );
  }

  /** The person allows what is missing; it is remembered for the next login. */
  async consent(
    req: IncomingMessage,
    res: ServerResponse,
    interaction: OpenInteraction,
    actor: Actor,
  ): Promise<string> {
    const { live, consents, audit, inTransaction } = this.#deps;
    const provider = live.current;
    const details = await provider.interactionDetails(req, res);
    const accountId = details.session?.accountId;
    if (accountId === undefined) throw new errors.SessionNotFound('the session has no account');
    const { clientId } = interaction.client;
    const known = details.grantId ? await provider.Grant.find(details.grantId) : undefined;
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
    return provider.interactionResult(req, res, { consent: { grantId } });
  }

  /** The person does not want to: the client is told `access_denied` (RFC 6749 section 4.1.2.1). */
  async abort(req: IncomingMessage, res: ServerResponse): Promise<string> {
    const result = { error: 'access_denied', error_description: 'the end-user aborted the interaction' };
    return this.#deps.live.current.interactionResult(req, res, result, { mergeWithLastSubmission: false });
  }

  /** No login can be what the client insists on (OpenID Connect Unmet Authentication Requirements). */
  async unmet(req: IncomingMessage, res: ServerResponse): Promise<string> {
    const result = {
      error: 'unmet_authentication_requirements',
      error_description: 'the requested acr cannot be met',
    };
    return this.#deps.live.current.interactionResult(req, res, result, { mergeWithLastSubmission: false });
  }

  async #details(req: IncomingMessage, res: ServerResponse): Promise<Details | null> {
    try {
      return await this.#deps.live.current.interactionDetails(req, res);
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return null;
      throw error;
    }
  }
}
