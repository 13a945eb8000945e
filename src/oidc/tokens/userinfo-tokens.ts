import { Provider, type KoaContextWithOIDC } from 'oidc-provider';
import type { AccessTokenVerifier } from './access-token-verifier.ts';
import { type Override, shape } from '../overrides/override.ts';

type Token = InstanceType<Provider['AccessToken']>;

/** The origin of an access token, as far as the library exposes it. */
interface Source {
  scopes: Set<string>;
  claims?: Token['claims'];
}

/** The code, request or refresh token being redeemed, if this is the token endpoint. */
export function sourceOf({ oidc }: KoaContextWithOIDC): Source | undefined {
  const { AuthorizationCode, DeviceCode, BackchannelAuthenticationRequest, RefreshToken } = oidc.entities;
  return AuthorizationCode ?? DeviceCode ?? BackchannelAuthenticationRequest ?? RefreshToken;
}

/**
 * One login for a person and an API: an access token for an API also has the granted scopes of OpenID Connect, if `openid` is
 * among them, and is then accepted at the userinfo endpoint. `aud` is the API alone, so that no other API accepts it. The
 * library gives a token for an API none of these scopes, and accepts none with an audience at userinfo. It checks everything
 * else itself there: proof of its key or certificate, its client, account and grant.
 */
function installUserinfoTokens(provider: Provider, verifier: AccessTokenVerifier): void {
  const { AccessToken } = provider;
  const { save } = AccessToken.prototype as unknown as { save(this: Token): Promise<string> };
  const find = AccessToken.find.bind(AccessToken) as (
    value: string,
    options?: object,
  ) => Promise<Token | undefined>;

  Object.assign(AccessToken.prototype, {
    async save(this: Token) {
      const ctx = Provider.ctx;
      const source = this.resourceServer && ctx?.oidc.route === 'token' ? sourceOf(ctx) : undefined;
      if (ctx && source) {
        const narrowed = ctx.oidc.requestParamScopes;
        const scopes = narrowed.size > 0 ? narrowed : source.scopes;
        const ofPerson = scopes.has('openid') ? ctx.oidc.grant?.getOIDCScopeFiltered(scopes) : undefined;
        if (ofPerson) {
          this.scope = [ofPerson, this.scope].filter(Boolean).join(' ');
          if (source.claims) this.claims = source.claims;
        }
      }
      return save.call(this);
    },
  });

  /** A JWT access token in the form of an opaque one, with the claims that its grant allows by name. */
  async function fromJwt(value: string): Promise<Token | undefined> {
    const claims = await verifier.verify(value);
    if (claims?.gid === undefined) return undefined;
    const grant = await provider.Grant.find(claims.gid);
    if (!grant) return undefined;
    const { jti, client_id: clientId, scope, iat, exp, gid: grantId } = claims;
    const named = grant.getOIDCClaims().map((claim) => [claim, null]);
    return new AccessToken({
      jti,
      clientId,
      scope,
      iat,
      exp,
      grantId,
      accountId: grant.accountId,
      ...(claims['cnf'] as object | undefined),
      claims: { userinfo: Object.fromEntries(named) as Record<string, null> },
      aud: claims.aud,
    } as unknown as ConstructorParameters<typeof AccessToken>[0]);
  }

  Object.assign(AccessToken, {
    async find(value: string, options?: object) {
      if (Provider.ctx?.oidc.route !== 'userinfo') return find(value, options);
      const token = await (value.includes('.') ? fromJwt(value) : find(value, options));
      // The library checks `aud`; `permissions` belong to this API.
      if (token) Object.assign(token, { aud: undefined, api: token.aud });
      return token;
    },
  });
}

export const userinfoTokens: Override<{ verifier: AccessTokenVerifier }> = {
  name: 'userinfo-tokens',
  why: 'the library accepts no access token with an audience at userinfo',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'AccessToken.find',
    'AccessToken.prototype.save',
    'Grant.prototype.getOIDCScopeFiltered',
    'Grant.prototype.getOIDCClaims',
  ),
  install: (provider, { verifier }) => installUserinfoTokens(provider, verifier),
};
