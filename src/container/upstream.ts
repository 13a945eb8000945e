import type { Config } from '../config/index.ts';
import { createUpstreamAdmin } from '../domain/upstream/admin.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { audit } from '../storage/audit.ts';
import { UpstreamRegistry } from '../upstream/registry.ts';
import type { RelyingParty } from '../upstream/relying-party.ts';
import type { Stores } from './stores.ts';

interface Dependencies {
  config: Config;
  stores: Stores;
  /** Asks addresses that are allowed. */
  fetch: typeof globalThis.fetch;
  clock: Clock;
  logger: Logger;
}

const TOPIC = 'upstreams';

/** The other providers that people may sign in with: which there are, how they are asked, who manages them. */
export function createUpstream({ config, stores, fetch, clock, logger }: Dependencies) {
  const { notifications, inTransaction, upstreams } = stores;
  const { publicUrl, upstreams: configured } = config;
  const registry = new UpstreamRegistry(upstreams, configured);
  notifications.subscribe(TOPIC, () => {
    registry.load().catch((error: unknown) => logger.error({ err: error }, 'upstreams could not be read'));
  });
  // With the first who signs in that way: many servers have no such provider.
  let party: Promise<RelyingParty> | undefined;
  const opened = async (): Promise<RelyingParty> => {
    const { createRelyingParty } = await import('../upstream/relying-party.ts');
    return createRelyingParty({ publicUrl, fetch, clock });
  };
  const relyingParty: RelyingParty = {
    begin: async (...args) => (await (party ??= opened())).begin(...args),
    finish: async (...args) => (await (party ??= opened())).finish(...args),
  };
  return {
    registry,
    relyingParty,
    admin: createUpstreamAdmin({
      upstreams,
      configured,
      audit,
      inTransaction,
      announce: (tx) => notifications.publish(TOPIC, '', tx),
    }),
  };
}
