import { Provider } from 'oidc-provider';
import type { Keys } from './key-ring.ts';
import { SigningKey } from './signing-key.ts';
import { createConfiguration } from './configuration.ts';
import type { ProviderDependencies } from './dependencies.ts';
import { installAll } from './overrides/index.ts';

/**
 * Builds a provider that signs with `keys`, with all extensions and overrides.
 * @throws StartupError when the library lacks what an override relies on.
 */
export function createProvider(deps: ProviderDependencies, keys: Keys): Provider {
  const provider = new Provider(
    deps.config.publicUrl,
    createConfiguration(deps, { keys: keys.jwks.map((jwk) => new SigningKey(jwk, deps.clock)) }),
  );
  // The listener has replaced Host and X-Forwarded-* with trusted values.
  provider.proxy = true;
  installAll(provider, { ...deps, keys });
  return provider;
}
