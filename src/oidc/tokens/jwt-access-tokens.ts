import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { type AccessTokenClaims, type AccessTokenVerifier, originsOf } from './access-token-verifier.ts';
import { mayLearnOf, type PresentDependencies, presentState } from './introspection-policy.ts';
import { type Override, shape } from '../overrides/override.ts';

interface Dependencies extends PresentDependencies {
  verifier: AccessTokenVerifier;
  /** Ends one token until its expiry, in seconds since the epoch. */
  revokeToken(jti: string, expiresAt: number): Promise<void>;
}

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;
type Next = () => Promise<unknown>;

/** RFC 9701 section 4. */
const INTROSPECTION_JWT = 'application/token-introspection+jwt';

/** An introspection reply (RFC 7662 section 2.2) from a token's own claims; `gid` and `delegations` are internal and left out. */
function introspection({
  gid: _gid,
  delegations: _delegations,
  ...claims
}: AccessTokenClaims): Record<string, unknown> {
  const cnf = claims['cnf'] as { jkt?: string } | undefined;
  return { active: true, ...claims, token_type: cnf?.jkt ? 'DPoP' : 'Bearer' };
}

/**
 * Answers with an introspection reply: as a JWT where the request accepts one (RFC 9701), as the library does for
 * opaque tokens.
 */
async function answer(ctx: KoaContextWithOIDC, reply: Record<string, unknown>): Promise<void> {
  const { client, provider } = ctx.oidc;
  const accepted = ctx.accepts('json', INTROSPECTION_JWT);
  if (accepted !== INTROSPECTION_JWT) {
    if (client?.['introspectionEncryptedResponseAlg'] === undefined) {
      ctx.body = reply;
    } else {
      const { error, error_description } = new errors.InvalidRequest(
        `introspection must be requested with Accept: ${INTROSPECTION_JWT} for this client`,
      );
      ctx.status = 400;
      ctx.body = { error, error_description };
    }
    return;
  }
  const jwt = new provider.IdToken({}, { ctx });
  jwt.set('token_introspection', reply);
  ctx.body = await jwt.issue({ use: 'introspection' });
  ctx.type = `${INTROSPECTION_JWT}; charset=utf-8`;
}

/**
 * Introspects JWT access tokens of this issuer.
 * @returns the reply for `client`; null when the token is not active, or the client may not introspect it.
 */
export function createJwtIntrospection(
  provider: Provider,
  { verifier, ...deps }: PresentDependencies & Pick<Dependencies, 'verifier'>,
): (client: Client, token: string) => Promise<Record<string, unknown> | null> {
  /** The claims of a token under the person's current roles and groups; null when its client was deleted. */
  async function present(claims: AccessTokenClaims): Promise<AccessTokenClaims | null> {
    const client = await provider.Client.find(claims.client_id);
    if (!client) return null;
    for (const { kind, key } of originsOf(claims))
      if (kind === 'client' && !(await provider.Client.find(key))) return null;
    const grant = claims.gid === undefined ? undefined : await provider.Grant.find(claims.gid);
    // A view that is over is detected by its grant.
    if (claims['act'] !== undefined && claims.gid !== undefined && !grant) return null;
    const token = { accountId: grant?.accountId, aud: claims.aud, scope: claims.scope };
    const { scope, claims: told } = await presentState(client, token, deps);
    const { scope: _scope, ...others } = claims;
    return { ...others, ...told, ...(scope === undefined ? {} : { scope }) };
  }
  return async (client, token) => {
    const claims = await verifier.verify(token);
    const visible = claims && mayLearnOf(client, { clientId: claims.client_id, aud: claims.aud });
    const shown = visible ? await present(claims) : null;
    return shown && introspection(shown);
  };
}

/**
 * The library neither introspects nor revokes JWT access tokens. When it says so it has authenticated the client and checked the
 * parameters; this answers in its place, for tokens of this issuer.
 */
function installJwtAccessTokens(provider: Provider, { revokeToken, ...deps }: Dependencies): void {
  const introspect = createJwtIntrospection(provider, deps);
  provider.use(async (ctx: KoaContextWithOIDC, next: Next) => {
    await next();
    const route = ctx.oidc?.route;
    if (route !== 'introspection' && route !== 'revocation') return;
    if ((ctx.body as { error?: string } | undefined)?.error !== 'unsupported_token_type') return;
    const { client, params } = ctx.oidc;
    const token = String(params?.['token']);
    ctx.status = 200;
    if (route === 'introspection') {
      await answer(ctx, (client && (await introspect(client, token))) ?? { active: false });
    } else {
      const claims = await deps.verifier.verify(token);
      if (claims && claims.client_id === client?.clientId) await revokeToken(claims.jti, claims.exp);
      ctx.remove('Content-Type');
      ctx.body = '';
    }
  });
}

export const jwtAccessTokens: Override<Dependencies> = {
  name: 'jwt-access-tokens',
  why: 'the library neither introspects nor revokes JWT access tokens',
  provenFor: '9.13.x',
  upstream: 'https://github.com/panva/node-oidc-provider/commit/c9001be07d8f5a0ff32efcc61f5bdfec7bdda3fb',
  check: shape('IdToken.prototype.issue', 'IdToken.prototype.set'),
  install: installJwtAccessTokens,
};
