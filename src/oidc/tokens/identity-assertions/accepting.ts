import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  findAccount,
  resolveRequestedResources,
  validateDpop,
} from 'oidc-provider/lib/helpers/grants.js';
import type { Settings } from '../../../config/index.ts';
import { type Clock, epochSeconds } from '../../../core/clock.ts';
import { ACCEPTED_ALGS } from '../../../core/tokens.ts';
import type { ExtraClientProperties } from '../../clients/names.ts';
import type { TokenExchange } from '../exchange/grant.ts';
import { type AssertionKeys, invalidAssertion } from '../assertion-keys.ts';
import { ID_JAG_TYP } from './issuing.ts';

/** Seconds: clock skew, maximum validity of an assertion, maximum lifetime of a token for it. */
const TOLERANCE = 5;
const MAX_LIFETIME = 3600;
const MAX_TOKEN_TTL = 600;

const MAX_JTI = 255;

type TrustedIssuer = Settings['identityAssertions']['issuers'][number];

/** A person, as another issuer identifies them. */
export interface AssertedIdentity {
  issuer: string;
  subject: string;
  /** Verified by the issuer. */
  email: string | undefined;
}

export interface AcceptingDependencies {
  settings: Settings['identityAssertions'];
  issuer: string;
  keys: AssertionKeys;
  clock: Clock;
  /** The account linked to a person of another issuer, by the policy for that issuer; null without one. */
  linkedAccount(identity: AssertedIdentity, policy: TrustedIssuer): Promise<string | null>;
  /** Records the use before the token is issued. */
  accepted(exchange: TokenExchange): Promise<void>;
}

/** Whether an assertion claims to be about a person's identity, rather than a client's. */
export function isIdentityAssertion(assertion: string): boolean {
  try {
    return decodeProtectedHeader(assertion).typ?.toLowerCase() === ID_JAG_TYP;
  } catch {
    return false;
  }
}

const refuse = (reason: string): never => {
  throw invalidAssertion(reason);
};

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The issuer that an assertion names, unverified. @throws InvalidGrant. */
function issuerOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).iss;
  } catch {
    return refuse('is not a JWT');
  }
}

/**
 * Makes the grant that answers an identity assertion with a token (draft-ietf-oauth-identity-assertion-authz-grant section 4.4).
 * The assertion must be of an issuer that is trusted and whose assertions the client may present, for this server, for this
 * client, and unused. The token is short-lived and cannot be refreshed; the person sees it among the connected apps.
 */
export function createIdentityGrant(provider: Provider, deps: AcceptingDependencies) {
  const { settings, issuer, keys, clock } = deps;

  /** @throws InvalidGrant with the reason. */
  async function verify(
    assertion: string,
    client: ExtraClientProperties & { clientId: string },
  ): Promise<{ claims: JWTPayload; sub: string; jti: string; policy: TrustedIssuer }> {
    const iss = issuerOf(assertion);
    const policy = settings.issuers.find((one) => one.issuer === iss);
    if (!policy || !client.identity_assertion_issuers?.includes(policy.issuer))
      return refuse('is from an issuer whose assertions this client may not present');
    const claims = await keys
      .verify(
        assertion,
        { jwksUri: policy.jwksUri },
        {
          issuer: policy.issuer,
          audience: issuer,
          typ: ID_JAG_TYP,
          algorithms: [...ACCEPTED_ALGS],
          requiredClaims: ['sub', 'exp', 'jti', 'client_id'],
          clockTolerance: TOLERANCE,
          currentDate: new Date(clock.now()),
        },
      )
      .catch(() => refuse(`is not signed with a known key, has expired, or is not for ${issuer}`));
    if (Array.isArray(claims.aud) && claims.aud.length > 1) refuse(`is not only for ${issuer} (aud)`);
    if (claims['client_id'] !== client.clientId) refuse('was issued to another client (client_id)');
    if (claims.exp! > epochSeconds(clock) + MAX_LIFETIME)
      refuse(`expires more than ${MAX_LIFETIME} seconds from now (exp)`);
    const [sub, jti] = [textOf(claims.sub), textOf(claims.jti)];
    if (sub === undefined) return refuse('must name a person by a string (sub)');
    if (jti === undefined || jti === '' || jti.length > MAX_JTI)
      return refuse(`must have a jti of 1 to ${MAX_JTI} characters`);
    return { claims, sub, jti, policy };
  }

  /** The requested API, which must match the assertion's. */
  function targetOf(named: unknown, asserted: unknown): string | undefined {
    const wanted = [named ?? []].flat() as string[];
    const allowed = [asserted ?? []].flat().map(textOf);
    if (wanted.length > 1) throw new errors.InvalidTarget('a token can be for only one API');
    const [target = allowed.length === 1 ? allowed[0] : undefined] = wanted;
    if (target !== undefined && allowed.length > 0 && !allowed.includes(target))
      throw new errors.InvalidTarget('the assertion is for another resource');
    return target;
  }

  return async (ctx: TokenEndpointGrantContext, assertion: string): Promise<void> => {
    const { client, params } = ctx.oidc;
    if (client.clientAuthMethod === 'none')
      throw new errors.InvalidClientAuth('a public client cannot present identity assertions');
    const dPoP = await validateDpop(provider, ctx);
    checkDpopRequired(provider, ctx, dPoP);
    const certificate = checkMtlsCert(provider, ctx);
    const { claims, sub, jti, policy } = await verify(assertion, client);
    const { exp = 0, email, email_verified: isVerified } = claims;
    if (!(await provider.ReplayDetection.unique(policy.issuer, jti, Math.ceil(exp) + TOLERANCE + 1)))
      throw invalidAssertion('was already used');
    const identity = {
      issuer: policy.issuer,
      subject: sub,
      email: isVerified === false ? undefined : textOf(email),
    };
    const accountId = await deps.linkedAccount(identity, policy);
    const account = accountId === null ? undefined : await findAccount(provider, ctx, accountId);
    if (!account) return refuse('does not identify an active account here');
    ctx.oidc.entity('Account', account);

    params['resource'] = targetOf(params['resource'], claims['resource']);
    const [api] = await resolveRequestedResources(provider, ctx);
    if (!api) throw new errors.InvalidTarget('resource must name an API');
    const asserted = textOf(claims['scope'])?.split(' ');
    const possible = [...api.scopes].filter((scope) => asserted?.includes(scope) ?? true);
    const requested = [...ctx.oidc.requestParamScopes];
    const refused = requested.filter((scope) => !possible.includes(scope));
    if (refused.length > 0)
      throw new errors.InvalidScope(
        'the assertion, the client or the person does not have the scope',
        refused.join(' '),
      );
    const scope = (requested.length > 0 ? requested : possible).join(' ');
    if (scope === '')
      throw new errors.InvalidScope(
        'no scope of the assertion is allowed here',
        textOf(claims['scope']) ?? '',
      );

    const expiresIn = Math.min(api.accessTokenTTL ?? MAX_TOKEN_TTL, MAX_TOKEN_TTL);
    const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
    grant.addResourceScope(api.identifier(), scope);
    grant.exp = epochSeconds(clock) + expiresIn;
    const grantId = await grant.save();
    const Token = provider.AccessToken as unknown as new (
      properties: object,
    ) => InstanceType<Provider['AccessToken']>;
    const token = new Token({
      accountId: account.accountId,
      client,
      grantId,
      resourceServer: api,
      scope,
      gty: 'identity_assertion',
      expiresIn,
    });
    if (certificate) token.setThumbprint('x5t', certificate);
    if (dPoP) {
      await checkDpopReplay(provider, ctx, dPoP, client.clientId);
      token.setThumbprint('jkt', dPoP.thumbprint);
    }
    ctx.oidc.entity('AccessToken', token);
    const accessToken = await token.save();
    await deps.accepted({
      ctx,
      accountId: account.accountId,
      clientId: client.clientId,
      subjectClientId: policy.issuer,
      audience: api.identifier(),
      scope,
      act: undefined,
    });
    ctx.body = buildTokenResponse(provider, {
      accessToken,
      tokenType: token.tokenType,
      expiresIn: token.expiration,
      scope,
    });
  };
}
