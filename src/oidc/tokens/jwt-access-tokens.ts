import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { AccessTokenClaims, AccessTokenVerifier } from './access-token-verifier.ts';

interface Dependencies {
  verifier: AccessTokenVerifier;
  /** Ends one token until it would have expired, in seconds since the epoch. */
  revokeToken(jti: string, expiresAt: number): Promise<void>;
}

type Next = () => Promise<unknown>;

/** An introspection reply (RFC 7662 section 2.2) from a token's own claims; `gid` is ours and stays here. */
function introspection({ gid: _gid, ...claims }: AccessTokenClaims): Record<string, unknown> {
  const cnf = claims['cnf'] as { jkt?: string } | undefined;
  return { active: true, ...claims, token_type: cnf?.jkt ? 'DPoP' : 'Bearer' };
}

/**
 * The library neither introspects nor revokes JWT access tokens. By the time it says so it has authenticated the client
 * and checked the parameters; this answers in its place, for tokens of this issuer.
 */
export function installJwtAccessTokens(provider: Provider, { verifier, revokeToken }: Dependencies): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: Next) => {
    await next();
    const route = ctx.oidc?.route;
    if (route !== 'introspection' && route !== 'revocation') return;
    if ((ctx.body as { error?: string } | undefined)?.error !== 'unsupported_token_type') return;
    const { client, params } = ctx.oidc;
    const claims = await verifier.verify(String(params?.['token']));
    const isOwn = claims?.client_id === client?.clientId;
    ctx.status = 200;
    if (route === 'introspection') {
      // A public client learns about its own tokens only, as the library has it for opaque ones.
      const visible = claims && (isOwn || client?.clientAuthMethod !== 'none');
      ctx.body = visible ? introspection(claims) : { active: false };
    } else {
      if (claims && isOwn) await revokeToken(claims.jti, claims.exp);
      ctx.remove('Content-Type');
      ctx.body = '';
    }
  });
}
