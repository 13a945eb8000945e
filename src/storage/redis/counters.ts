import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { type Count, type Counters, secondsOf, unavailable } from '../counters.ts';
import type { RedisClient } from './client.ts';

const countOf = ({ consumedPoints, msBeforeNext }: RateLimiterRes): Count => ({
  count: consumedPoints,
  expiresIn: secondsOf(msBeforeNext),
});

/** Counters in Redis, whose time they end by. */
export function redisCounters(redis: RedisClient): Counters {
  // The callers enforce limits. Here the limiter only counts, with a window per call.
  const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'counter', points: 1, duration: 1 });
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
