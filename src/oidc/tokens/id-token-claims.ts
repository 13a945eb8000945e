import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ExtraClientProperties } from '../clients/metadata.ts';
import { mayActClaim } from './extra-claims.ts';

interface IdToken {
  ctx?: KoaContextWithOIDC;
  set(name: string, value: unknown): void;
}

/**
 * What our ID tokens say beyond OpenID Connect: `gid`, the grant that they were issued under, so that one handed in later
 * is known to have ended with it; and who may act with it (RFC 8693 section 4.4).
 */
export function installIdTokenClaims(provider: Provider): void {
  const { prototype } = provider.IdToken as unknown as {
    prototype: IdToken & { issue(options?: { use?: string }): Promise<string> };
  };
  const { issue } = prototype;
  prototype.issue = async function issueWithGrant(options) {
    if (options?.use === 'idtoken') {
      this.set('gid', this.ctx?.oidc.accessToken?.grantId);
      this.set('may_act', mayActClaim(this.ctx?.oidc.client as ExtraClientProperties | undefined));
    }
    return issue.call(this, options);
  };
}
