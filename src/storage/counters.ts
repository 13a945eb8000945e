import type { Pool } from 'pg';
import { RateLimiterPostgres, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { DomainError } from '../kernel/errors.ts';
import type { RedisClient } from './redis/client.ts';

export interface Count {
  count: number;
  /** Whole seconds until it starts from zero again, at least 1. */
  expiresIn: number;
}

/**
 * Counters with an end, shared by all nodes. Every method throws DomainError unavailable when the store does not
 * answer: what is counted protects something, so nothing goes on uncounted.
 */
export interface Counters {
  /** Adds `by` (less than zero takes back) in one atomic step. A counter that was not there ends after `window` seconds. */
  add(key: string, by: number, window: number): Promise<Count>;
  get(key: string): Promise<Count | null>;
  delete(key: string): Promise<void>;
}

const unavailable = (error: unknown): never => {
  throw new DomainError('unavailable', {}, { cause: error });
};

const countOf = ({ consumedPoints, msBeforeNext }: RateLimiterRes): Count => ({
  count: consumedPoints,
  expiresIn: Math.max(1, Math.ceil(msBeforeNext / 1000)),
});

/** Counters in Redis, or in the table `counters` of PostgreSQL; there the expired ones are swept every five minutes. */
export function createCounters(store: { redis: RedisClient } | { pool: Pool }): Counters {
  // Limits are the callers' business: the limiter counts, and each call names its window.
  const counting = { points: 1, duration: 1 };
  const limiter =
    'redis' in store
      ? new RateLimiterRedis({
          ...counting,
          storeClient: store.redis,
          keyPrefix: 'counter',
        })
      : new RateLimiterPostgres({
          ...counting,
          storeClient: store.pool,
          storeType: 'pool',
          tableName: 'counters',
          keyPrefix: '',
          tableCreated: true,
        });
  return {
    add: async (key, by, window) =>
      countOf(await limiter.penalty(key, by, { customDuration: window }).catch(unavailable)),
    async get(key) {
      const found = await limiter.get(key).catch(unavailable);
      return found && countOf(found);
    },
    delete: async (key) => void (await limiter.delete(key).catch(unavailable)),
  };
}
