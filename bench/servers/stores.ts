import type { Configuration } from 'oidc-provider';
import { systemClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/logger.ts';
import { createFindAccount } from '../../src/oidc/account.ts';
import { createAdapters } from '../../src/storage/oidc/adapters.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createRedis } from '../../src/storage/redis/client.ts';
import { createUsers } from '../../src/storage/users.ts';
import type { ServerSettings } from './settings.ts';

interface Parts {
  configuration: Configuration;
  accountIds: string[];
}

/** The library's in-memory adapter, and accounts that need no look-up. */
function inMemory({ people }: ServerSettings): Parts {
  const claims = { preferred_username: 'person', email: 'person@example.com', email_verified: false };
  return {
    configuration: { findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...claims }) }) },
    accountIds: people.map(({ username }) => username),
  };
}

/** Postern's adapters and its way to read accounts. */
async function onStores({ databaseUrl, redisUrl }: NonNullable<ServerSettings['stores']>): Promise<Parts> {
  const logger = createLogger('warn');
  const pool = createPool(databaseUrl, { logger, applicationName: 'bench' });
  const users = createUsers(pool);
  const { rows } = await pool.query<{ id: string }>('select id from users');
  const stores = createAdapters({
    pool,
    redis: createRedis(redisUrl, logger),
    clock: systemClock,
    endGrant: async () => {
      throw new Error('no grant ends here');
    },
  });
  return {
    configuration: {
      adapter: (model) => {
        const store = stores(model);
        return { ...store, consume: (id) => store.claim(id, systemClock.now()) };
      },
      findAccount: createFindAccount(
        (id) => users.findById(id),
        async () => false,
        async () => ({}),
        { claims: () => ({}) },
      ),
    },
    accountIds: rows.map(({ id }) => id),
  };
}

/** The stores and accounts of a bare library. */
export const openStores = async (settings: ServerSettings): Promise<Parts> =>
  settings.stores ? onStores(settings.stores) : inMemory(settings);
