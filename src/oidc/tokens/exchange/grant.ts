import {
  errors,
  type KoaContextWithOIDC,
  type Provider,
  type TokenEndpointGrantContext,
} from 'oidc-provider';
import {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  findAccount,
  resolveRequestedResources,
  validateDpop,
} from 'oidc-provider/lib/helpers/grants.js';
import { type Clock, epochSeconds } from '../../../core/clock.ts';
import type { Secrets } from '../../../core/secrets.ts';
import { isAgent } from '../../../core/agents.ts';
import type { ActClaim } from '../../../core/actor.ts';
import type { ActingAgents } from '../../../storage/acting-agents.ts';
import type { Extension } from '../../overrides/override.ts';
import type { AccessTokenVerifier } from '../access-token-verifier.ts';
import { TOKEN_EXCHANGE } from '../grant-types.ts';
import type { Keys } from '../../key-ring.ts';
import type { UserRecord } from '../../../storage/users.ts';
import type { Authorization } from '../authorization-claims.ts';
import { createIdentityAssertions, ID_JAG } from '../identity-assertions/issuing.ts';
import { actingUnder, type ExchangingClient, NO_POLICY } from './acting.ts';
import {
  ACCESS_TOKEN,
  createTokenReader,
  ID_TOKEN,
  type PresentedToken,
  REFRESH_TOKEN,
} from './presented.ts';

/**
 * The one API of the new token: the one named, the client's default, or the only one that it may have.
 * @throws InvalidTarget when the client may have no token for it (RFC 8693 section 2.2.2).
 */
export function targetOf(client: ExchangingClient, named: string[]): string {
  const { audiences } = client.token_exchange ?? NO_POLICY;
  const [target = client.default_resource ?? (audiences.length === 1 ? audiences[0] : undefined), ...others] =
    new Set(named);
  if (target === undefined) throw new errors.InvalidTarget('resource or audience must name an API');
  if (others.length > 0) throw new errors.InvalidTarget('a token can be for only one API');
  if (!audiences.includes(target))
    throw new errors.InvalidTarget('this client may not get tokens for this API by token exchange');
  return target;
}

/** A completed exchange. */
export interface TokenExchange {
  ctx: KoaContextWithOIDC;
  /** Null for a service account's own token. */
  accountId: string | null;
  clientId: string;
  /** The client that the subject's token was issued to. */
  subjectClientId: string;
  audience: string;
  scope: string;
  act: ActClaim | undefined;
}

interface Dependencies {
  verifier: AccessTokenVerifier;
  secrets: Secrets;
  clock: Clock;
  /** Those that sign. */
  keys: Pick<Keys, 'jwks'>;
  findUser(id: string): Promise<UserRecord | null>;
  authorization: Pick<Authorization, 'claimsOf'>;
  actingAgents: Pick<ActingAgents, 'delegate'>;
  /** Records the exchange before the token is issued. */
  exchanged(exchange: TokenExchange): Promise<void>;
}

interface Parameters {
  subject_token?: string;
  subject_token_type?: string;
  actor_token?: string;
  actor_token_type?: string;
  requested_token_type?: string;
  audience?: string | string[];
  resource?: string | string[];
}

const PARAMETERS = [
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'audience',
  'resource',
  'scope',
];

/** A token of the library that is not under a grant of its own client, but ends with the subject's. */
type TokenModel = new (properties: object) => InstanceType<Provider['AccessToken' | 'ClientCredentials']>;

/** Whether it is bound to the same key as a presented token. */
const hasKeyOf = (
  token: { 'jkt'?: string | undefined; 'x5t#S256'?: string | undefined },
  of: PresentedToken,
) => (of.jkt === undefined || of.jkt === token.jkt) && (of.x5t === undefined || of.x5t === token['x5t#S256']);

/** Registers token exchange with the provider: before any client that uses this grant is looked up. */
function installTokenExchange(
  provider: Provider,
  { verifier, secrets, clock, keys, findUser, authorization, actingAgents, exchanged }: Dependencies,
): void {
  const now = () => epochSeconds(clock);
  const read = createTokenReader({ verifier, secrets, now });

  /** @throws InvalidRequest for one without the other (RFC 8693 section 2.1). */
  async function readPair(
    ctx: KoaContextWithOIDC,
    parameter: string,
    value?: string,
    type?: string,
    types?: readonly string[],
  ): Promise<PresentedToken | undefined> {
    if (value === undefined && type === undefined) return undefined;
    if (value === undefined || type === undefined)
      throw new errors.InvalidRequest(`${parameter} and ${parameter}_type must be sent together`);
    return read(ctx, parameter, value, type, types);
  }

  /** The account of a token: the grant knows it even if the token names it by a pairwise identifier. */
  async function accountOf(ctx: TokenEndpointGrantContext, { grantId }: PresentedToken) {
    // It is alive, or has ended.
    const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId);
    const account = grant?.accountId && (await findAccount(provider, ctx, grant.accountId));
    if (!account)
      throw new errors.InvalidRequest('the account of subject_token does not exist or is not active');
    return account;
  }

  /**
   * What the new token says about its origin: for an agent's, the delegation that the person can end.
   * @throws InvalidRequest when the person has ended the agent.
   */
  async function delegationsOf(
    client: ExchangingClient,
    { clientId, grantId = '', delegations }: PresentedToken,
    { accountId, audience, scopes }: { accountId: string; audience: string; scopes: readonly string[] },
  ): Promise<readonly string[]> {
    if (!isAgent(client) || clientId === client.clientId) return delegations;
    const use = { accountId, clientId: client.clientId, at: new Date(clock.now()) };
    const delegation = await actingAgents.delegate({ ...use, grantId, audience, scopes });
    if (delegation === null)
      throw new errors.InvalidRequest(
        'the person has disconnected this agent since the login of subject_token',
      );
    return [...new Set([...delegations, delegation])];
  }

  const assertionOf = createIdentityAssertions({
    issuer: provider.issuer,
    keys: keys.jwks,
    now,
    findUser,
    authorizationClaimsOf: authorization.claimsOf,
  });

  /** Asserts a person's identity to another authorization server, by a token of that person's login at this client. */
  async function assertIdentity(ctx: TokenEndpointGrantContext<Parameters>): Promise<void> {
    const { client, params } = ctx.oidc;
    const types = [ID_TOKEN, REFRESH_TOKEN];
    const { subject_token: value, subject_token_type: type } = params;
    const subject = await readPair(ctx, 'subject_token', value, type, types);
    if (!subject) throw new errors.InvalidRequest("missing required parameter 'subject_token'");
    if (subject.clientId !== client.clientId)
      throw new errors.InvalidRequest('subject_token was not issued to this client');
    const { accountId } = await accountOf(ctx, subject);
    const { audience, scope } = await assertionOf(ctx, subject, accountId, {
      audiences: [params.audience ?? []].flat(),
      resources: [params.resource ?? []].flat(),
      scopes: [...ctx.oidc.requestParamScopes],
    });
    const { clientId } = client;
    await exchanged({ ctx, accountId, clientId, subjectClientId: clientId, audience, scope, act: undefined });
  }

  provider.registerGrantType<Parameters>(
    TOKEN_EXCHANGE,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      const { requested_token_type: requestedType = ACCESS_TOKEN } = params;
      if (requestedType === ID_JAG) return assertIdentity(ctx);
      if (requestedType !== ACCESS_TOKEN)
        throw new errors.InvalidRequest(`requested_token_type must be ${ACCESS_TOKEN} or ${ID_JAG}`);
      const dPoP = await validateDpop(provider, ctx);
      checkDpopRequired(provider, ctx, dPoP);
      const target = targetOf(client, [params.resource ?? [], params.audience ?? []].flat());

      const subject = await readPair(ctx, 'subject_token', params.subject_token, params.subject_token_type);
      if (!subject) throw new errors.InvalidRequest("missing required parameter 'subject_token'");
      const actor = await readPair(ctx, 'actor_token', params.actor_token, params.actor_token_type);
      const act = actingUnder(client, subject, actor);

      const account = subject.isOfClient ? undefined : await accountOf(ctx, subject);
      if (account) ctx.oidc.entity('Account', account);

      params.resource = target;
      const [api] = await resolveRequestedResources(provider, ctx);
      const possible = [...(api?.scopes ?? [])].filter((scope) => subject.scopes.has(scope));
      const requested = [...ctx.oidc.requestParamScopes];
      const refused = requested.filter((scope) => !possible.includes(scope));
      if (refused.length > 0)
        throw new errors.InvalidScope(
          'subject_token or the client does not have the scope',
          refused.join(' '),
        );

      const scopes = requested.length > 0 ? requested : possible;
      const scope = scopes.join(' ');
      const ends = [subject, ...(actor ? [actor] : [])].map(({ expiresAt }) => expiresAt - now());
      const Model = account ? provider.AccessToken : provider.ClientCredentials;
      const token = new (Model as unknown as TokenModel)({
        ...(account && { accountId: account.accountId }),
        client,
        resourceServer: api,
        scope: scope || undefined,
        gty: 'token_exchange',
        expiresIn: Math.max(1, Math.min(api?.accessTokenTTL ?? Infinity, ...ends)),
      });
      const delegations = account
        ? await delegationsOf(client, subject, { accountId: account.accountId, audience: target, scopes })
        : [];
      Object.assign(token, { act, delegations });
      Object.assign(
        token,
        account ? { gid: subject.grantId, login: subject.login } : { subject: subject.sub },
      );

      const certificate = checkMtlsCert(provider, ctx);
      if (certificate) token.setThumbprint('x5t', certificate);
      if (dPoP) {
        await checkDpopReplay(provider, ctx, dPoP, client.clientId);
        token.setThumbprint('jkt', dPoP.thumbprint);
      }
      if (!hasKeyOf(token, subject) || (actor && !hasKeyOf(token, actor)))
        throw new errors.InvalidRequest('a token bound to a key needs proof of possession of that key');

      if (account) ctx.oidc.entity('AccessToken', token);
      else ctx.oidc.entity('ClientCredentials', token);
      const accessToken = await token.save();
      await exchanged({
        ctx,
        accountId: account?.accountId ?? null,
        clientId: client.clientId,
        subjectClientId: subject.clientId,
        audience: target,
        scope,
        act,
      });
      ctx.body = buildTokenResponse(provider, {
        accessToken,
        issuedTokenType: ACCESS_TOKEN,
        tokenType: token.tokenType,
        expiresIn: token.expiration,
        scope: scope || undefined,
      });
    },
    PARAMETERS,
    ['audience', 'resource'],
  );
}

export const tokenExchange: Extension<
  Omit<Dependencies, 'exchanged'> & { events: { tokenExchanged: Dependencies['exchanged'] } }
> = {
  name: 'token-exchange',
  why: 'the library has no token exchange (RFC 8693)',
  install: (provider, { events, ...deps }) =>
    installTokenExchange(provider, { ...deps, exchanged: (exchange) => events.tokenExchanged(exchange) }),
};
