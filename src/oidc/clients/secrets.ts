import type { Provider } from 'oidc-provider';
import { sha256 } from '../../kernel/ids.ts';
import { constantTimeEqual } from '../../kernel/secrets.ts';

/**
 * Client secrets are stored as SHA-256: they are random, so a slow hash would add nothing. Methods that need the
 * secret itself (client_secret_jwt, HS256) are therefore not offered.
 */
export function installHashedSecrets(provider: Provider): void {
  provider.Client.prototype.compareClientSecret = function compareClientSecret(
    this: { clientSecret?: string },
    actual: string,
  ) {
    return constantTimeEqual(this.clientSecret ?? '', sha256(actual));
  };
}
