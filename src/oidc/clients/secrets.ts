import type { Provider } from 'oidc-provider';
import { sha256 } from '../../kernel/ids.ts';
import { constantTimeEqual } from '../../kernel/secrets.ts';

/**
 * Client secrets are stored as SHA-256: they are random, so a slow hash would add nothing. Methods that need the
 * secret itself (client_secret_jwt, HS256) are therefore not offered.
 * @param secretsOf the hashes of all secrets of a client that count: after a rotation, those before it too.
 */
export function installHashedSecrets(
  provider: Provider,
  secretsOf: (clientId: string) => Promise<string[]>,
): void {
  provider.Client.prototype.compareClientSecret = async function compareClientSecret(
    this: { clientId: string; clientSecret?: string },
    actual: string,
  ) {
    const hash = sha256(actual);
    // The newest is in memory; the store is asked about another one alone.
    if (constantTimeEqual(this.clientSecret ?? '', hash)) return true;
    return (await secretsOf(this.clientId)).some((known) => constantTimeEqual(known, hash));
  };
}
