import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Secrets } from '../../core/secrets.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { mayActClaim } from './extra-claims.ts';
import { type Override, shape } from '../overrides/override.ts';

type Token = NonNullable<KoaContextWithOIDC['oidc']['accessToken']>;

interface IdToken {
  ctx?: KoaContextWithOIDC;
  /** The scopes whose claims it contains. */
  scope?: string;
  set(name: string, value: unknown): void;
}

const PURPOSE = 'id-token-grant';

/** The grant of an ID token by its `jti`; undefined of any other JWT. */
export function grantOfIdToken(secrets: Secrets, jti: unknown): string | undefined {
  try {
    return secrets.open(PURPOSE, Buffer.from(String(jti), 'base64url'));
  } catch {
    return undefined;
  }
}

/**
 * Completes what the library leaves open about ID tokens at the token endpoint:
 * - the claims of the granted scopes, or those of `openid` alone for a client whose `id_token_claims` is `minimal`;
 * - `at_hash` (OpenID Connect Core section 3.1.3.6);
 * - `jti`: the sealed grant that it was issued under, so that a presented ID token is known to have ended with it;
 * - `may_act`: who may act with it (RFC 8693 section 4.4).
 */
function installIdTokenClaims(provider: Provider, secrets: Secrets): void {
  const accessTokens = new WeakMap<object, string>();
  const accessToken = provider.AccessToken.prototype as unknown as { save(this: object): Promise<string> };
  const { save } = accessToken;
  accessToken.save = async function saveAndRemember() {
    const value = await save.call(this);
    accessTokens.set(this, value);
    return value;
  };

  const { prototype } = provider.IdToken as unknown as {
    prototype: IdToken & { issue(options?: { use?: string }): Promise<string> };
  };
  const { issue } = prototype;
  prototype.issue = async function issueWithClaims(options) {
    const token: Token | undefined = this.ctx?.oidc.accessToken;
    if (options?.use === 'idtoken' && token?.grantId !== undefined) {
      const client = this.ctx?.oidc.client as ExtraClientProperties | undefined;
      if (client?.id_token_claims === 'minimal') this.scope = 'openid';
      // The library hashes it, by the algorithm of the signature.
      this.set('at_hash', accessTokens.get(token));
      this.set('jti', secrets.seal(PURPOSE, token.grantId).toString('base64url'));
      this.set('may_act', mayActClaim(client));
    }
    return issue.call(this, options);
  };
}

export const idTokenClaims: Override<{ secrets: Secrets }> = {
  name: 'id-token-claims',
  why: 'the library leaves at_hash, the grant and may_act out of ID tokens, and takes the same claims for every client',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('AccessToken.prototype.save', 'IdToken.prototype.issue', 'IdToken.prototype.set'),
  install: (provider, { secrets }) => installIdTokenClaims(provider, secrets),
};
