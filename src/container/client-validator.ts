import { systemActor } from '../core/actor.ts';
import { createClientValidator, type ClientValidator } from '../oidc/clients/validator.ts';
import type { Core } from './core.ts';
import { createProviderSide, type ProviderSurroundings } from './provider.ts';

const unused = (): never => {
  throw new Error('a command serves no requests');
};

/** Settings of a provider that only validates clients. */
const VALIDATION_ONLY: ProviderSurroundings = {
  contracts: [],
  fetch: unused,
  fetchDocument: unused,
  metrics: { grant: unused, authorization: unused, store: unused },
  pages: {
    error: unused,
    logout: unused,
    formPost: unused,
    repost: unused,
    loggedOut: unused,
    device: { enter: unused, confirm: unused, done: unused, refused: unused, stale: unused },
  },
};

/**
 * Validates client metadata with the same configuration and keys as the server's provider.
 * @throws StartupError when SECRETS_KEY does not open the keys.
 */
export async function openClientValidator(core: Core): Promise<ClientValidator> {
  await core.keyRing.maintain(systemActor);
  const { build, clients } = createProviderSide(core, VALIDATION_ONLY);
  const current = build(await core.keyRing.load());
  return createClientValidator({ current }, clients);
}
