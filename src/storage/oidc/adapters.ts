import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import type { RedisClient } from '../redis/client.ts';
import type { AdapterFactory } from './adapter.ts';
import { postgresAdapters } from './postgres-adapter.ts';
import { redisAdapters } from './redis-adapter.ts';

/** Models that live an hour at most. All others must survive the loss of Redis. */
const SHORT_LIVED = new Set([
  'AuthorizationCode',
  'AccessToken',
  'ClientCredentials',
  'Interaction',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
  'PushedAuthorizationRequest',
  'ReplayDetection',
  'PreAuthorizedCode',
]);

const DURABLE = new Set([
  'Grant',
  'Session',
  'RefreshToken',
  'RegistrationAccessToken',
  'InitialAccessToken',
]);

/**
 * The store of each model of oidc-provider except Client, which has its own.
 * @throws TypeError for an unknown model.
 */
export function createAdapters({
  pool,
  clock,
  redis,
  endGrant,
}: {
  pool: Pool;
  clock: Clock;
  /** Without Redis everything is in PostgreSQL. */
  redis?: RedisClient | undefined;
  /** Ends a grant with everything issued under it, in both stores: what a Grant's `destroy` does. */
  endGrant: (grantId: string) => Promise<void>;
}): AdapterFactory {
  const durable = postgresAdapters({ pool, clock, endGrant });
  const shortLived = redis ? redisAdapters({ redis, clock }) : durable;
  return (model) => {
    if (SHORT_LIVED.has(model)) return shortLived(model);
    if (DURABLE.has(model)) return durable(model);
    throw new TypeError(`no store for ${model}`);
  };
}
