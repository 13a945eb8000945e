import type { Provider } from 'oidc-provider';
import { sha256 } from '../../core/ids.ts';
import { constantTimeEqual } from '../../core/secrets.ts';
import type { ClientRegistry } from './registry.ts';
import { type Override, shape } from '../overrides/override.ts';

type Ending = Pick<ClientRegistry, 'hasEndingSecret'>;
type SecretsOf = (clientId: string) => Promise<string[]>;

/**
 * Client secrets are stored as SHA-256: they are random, so a slow hash would add nothing. Methods that need the
 * secret itself (client_secret_jwt, HS256) are therefore not offered.
 * @param secretsOf the hashes of all secrets of a client that count: after a rotation, those before it too.
 */
function installHashedSecrets(provider: Provider, secretsOf: SecretsOf, clients: Ending): void {
  provider.Client.prototype.compareClientSecret = async function compareClientSecret(
    this: { clientId: string; clientSecret?: string },
    actual: string,
  ) {
    const hash = sha256(actual);
    // The newest is in memory; the store is asked about another one, and one that has an end.
    const isNewest = constantTimeEqual(this.clientSecret ?? '', hash);
    if (isNewest && !clients.hasEndingSecret(this.clientId)) return true;
    return (await secretsOf(this.clientId)).some((known) => constantTimeEqual(known, hash));
  };
}

export const hashedSecrets: Override<{ clientSecrets: SecretsOf; clients: Ending }> = {
  name: 'hashed-client-secrets',
  why: 'the library compares client secrets in clear, and knows one of a client',
  provenFor: '9.13.x',
  upstream: 'https://github.com/panva/node-oidc-provider/issues/631',
  check: shape('Client.prototype.compareClientSecret'),
  install: (provider, { clientSecrets, clients }) => installHashedSecrets(provider, clientSecrets, clients),
};
