import { decodeJwt } from 'jose';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { ActClaim } from '../../../core/actor.ts';
import type { Secrets } from '../../../core/secrets.ts';
import type { AccessTokenVerifier } from '../access-token-verifier.ts';
import type { LoginBehind } from '../extra-claims.ts';
import { grantOfIdToken } from '../id-token-claims.ts';

/** Token type identifiers (RFC 8693 section 3). */
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const REFRESH_TOKEN = 'urn:ietf:params:oauth:token-type:refresh_token';
export const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';

/** Claims of our tokens that exchange needs. */
interface Claims {
  sub: string;
  client_id: string;
  /** Seconds since the epoch. */
  exp: number;
  gid?: string;
  scope?: string;
  cnf?: { 'jkt'?: string; 'x5t#S256'?: string };
  act?: ActClaim;
  may_act?: { sub: string };
  auth_time?: number;
  acr?: string;
  amr?: string[];
  delegations?: string[];
}

/** A presented token that is valid, of any format. */
export interface PresentedToken {
  /** The subject as in the token. */
  sub: string;
  /** The client that it was issued to. */
  clientId: string;
  /** Seconds since the epoch. */
  expiresAt: number;
  /** The grant that it ends with; none when its subject is a client. */
  grantId: string | undefined;
  /** Whether it is a service account's own. */
  isOfClient: boolean;
  scopes: Set<string>;
  /** The key that it is bound to (RFC 9449 section 6, RFC 8705 section 3). */
  jkt: string | undefined;
  x5t: string | undefined;
  act: ActClaim | undefined;
  mayAct: { sub: string } | undefined;
  /** What it was derived from by exchange. */
  delegations: readonly string[];
  login: LoginBehind;
}

const presented = ({ cnf, ...claims }: Claims): PresentedToken => ({
  sub: claims.sub,
  clientId: claims.client_id,
  expiresAt: claims.exp,
  grantId: claims.gid,
  isOfClient: claims.gid === undefined,
  scopes: new Set(claims.scope?.split(' ')),
  jkt: cnf?.jkt,
  x5t: cnf?.['x5t#S256'],
  act: claims.act,
  mayAct: claims.may_act,
  delegations: claims.delegations ?? [],
  login: { authTime: claims.auth_time, acr: claims.acr, amr: claims.amr },
});

/** An account as a client knows it: an opaque token contains its account itself, whatever the client's subjects are. */
async function subjectFor(
  ctx: KoaContextWithOIDC,
  clientId: string,
  accountId: string,
): Promise<string | undefined> {
  const { provider } = ctx.oidc;
  const client = await provider.Client.find(clientId);
  if (!client) return undefined;
  const claims = new provider.Claims({ sub: accountId }, { ctx, client });
  claims.scope('openid');
  return (await claims.result())['sub'] as string;
}

async function opaqueClaims(
  ctx: KoaContextWithOIDC,
  value: string,
  verifier: AccessTokenVerifier,
): Promise<Claims | undefined> {
  const { provider } = ctx.oidc;
  const [ofPerson, ofClient] = await Promise.all([
    provider.AccessToken.find(value),
    provider.ClientCredentials.find(value),
  ]);
  const token = ofPerson ?? ofClient;
  if (token?.clientId === undefined || token.exp === undefined) return undefined;
  const { clientId, exp, scope, jkt, extra } = token;
  const x5t = token['x5t#S256'];
  // A client's token may be about another one, for which it acts.
  const subjectClient = typeof extra?.['sub'] === 'string' ? extra['sub'] : clientId;
  const sub = ofPerson ? await subjectFor(ctx, clientId, ofPerson.accountId) : subjectClient;
  if (sub === undefined) return undefined;
  const claims: Claims = {
    ...(ofPerson?.grantId === undefined ? {} : { gid: ofPerson.grantId }),
    ...extra,
    sub,
    client_id: clientId,
    exp,
    ...(scope === undefined ? {} : { scope }),
    cnf: { ...(jkt === undefined ? {} : { jkt }), ...(x5t === undefined ? {} : { 'x5t#S256': x5t }) },
  };
  return (await verifier.hasEnded({ ...claims, jti: token.jti })) ? undefined : claims;
}

function audienceOf(jwt: string): unknown {
  try {
    return decodeJwt(jwt).aud;
  } catch {
    return undefined;
  }
}

/** The claims of an ID token issued here, for any audience, even if expired. */
async function idTokenClaims(
  provider: Provider,
  secrets: Secrets,
  value: string,
): Promise<Claims | undefined> {
  const audience = audienceOf(value);
  const client = typeof audience === 'string' ? await provider.Client.find(audience) : undefined;
  if (!client) return undefined;
  const validated = await provider.IdToken.validate(value, client).catch(() => undefined);
  if (validated?.payload['exp'] === undefined) return undefined;
  // Only ID tokens name their grant: other JWTs for clients (JARM, signed userinfo) are none.
  const gid = grantOfIdToken(secrets, validated.payload['jti']);
  if (gid === undefined) return undefined;
  const { scope: _scope, ...claims } = validated.payload as unknown as Claims;
  return { ...claims, gid, client_id: client.clientId };
}

/** The claims of a valid refresh token of ours; it is not used up. */
async function refreshClaims(ctx: KoaContextWithOIDC, value: string): Promise<Claims | undefined> {
  const token = await ctx.oidc.provider.RefreshToken.find(value);
  if (token?.clientId === undefined || token.consumed !== undefined) return undefined;
  const sub = await subjectFor(ctx, token.clientId, token.accountId);
  if (sub === undefined || token.exp === undefined) return undefined;
  const { grantId, scope, acr, amr, authTime } = token;
  return {
    sub,
    client_id: token.clientId,
    exp: token.exp,
    ...(grantId === undefined ? {} : { gid: grantId }),
    ...(scope === undefined ? {} : { scope }),
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
    ...(authTime === undefined ? {} : { auth_time: authTime }),
  };
}

/**
 * Reads presented tokens of this provider: access tokens of either format, ID tokens. The reader throws InvalidRequest for any
 * other type and for an invalid token (RFC 8693 section 2.2.2).
 */
export function createTokenReader({
  verifier,
  secrets,
  now,
}: {
  verifier: AccessTokenVerifier;
  secrets: Secrets;
  /** Seconds since the epoch. */
  now(): number;
}) {
  const claimsOf = async (
    ctx: KoaContextWithOIDC,
    value: string,
    type: string,
  ): Promise<Claims | null | undefined> => {
    if (type === REFRESH_TOKEN) return refreshClaims(ctx, value);
    if (type === ID_TOKEN) return idTokenClaims(ctx.oidc.provider, secrets, value);
    return value.includes('.') ? await verifier.verify(value) : opaqueClaims(ctx, value, verifier);
  };
  return async (
    ctx: KoaContextWithOIDC,
    parameter: string,
    value: string,
    type: string,
    types: readonly string[] = [ACCESS_TOKEN, ID_TOKEN],
  ): Promise<PresentedToken> => {
    if (!types.includes(type))
      throw new errors.InvalidRequest(`${parameter}_type must be ${types.join(' or ')}`);
    const claims = await claimsOf(ctx, value, type);
    const owner = claims && (await ctx.oidc.provider.Client.find(claims.client_id));
    const isOrphan =
      claims?.act !== undefined &&
      claims.gid === undefined &&
      !(await ctx.oidc.provider.Client.find(claims.sub));
    if (!claims || !owner || isOrphan || claims.exp <= now())
      throw new errors.InvalidRequest(`${parameter} is not from this issuer, has expired or was revoked`);
    return presented(claims);
  };
}
