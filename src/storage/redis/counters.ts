import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { type Count, type Counters, secondsOf, unavailable } from '../counters.ts';
import type { RedisClient } from './client.ts';
import { script } from './commands.ts';

const countOf = ({ consumedPoints, msBeforeNext }: RateLimiterRes): Count => ({
  count: consumedPoints,
  expiresIn: secondsOf(msBeforeNext),
});

const EXTEND = `
local grows = tonumber(ARGV[1]) > 0
if not grows and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if grows then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return count`;

const PREFIX = 'counter';

/** Counters in Redis, which expire by its clock. */
export function redisCounters(redis: RedisClient): Counters {
  // The callers enforce limits. Here the limiter only counts, with a window per call.
  const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix: PREFIX, points: 1, duration: 1 });
  const extend = script(redis, 'counterExtend', EXTEND);
  return {
    add: async (key, by, window) =>
      countOf(await limiter.penalty(key, by, { customDuration: window }).catch(unavailable)),
    extend: async (key, by, life) => (await extend(`${PREFIX}:${key}`, by, life)) as number,
    async get(key) {
      const found = await limiter.get(key).catch(unavailable);
      return found && countOf(found);
    },
    delete: async (key) => void (await limiter.delete(key).catch(unavailable)),
  };
}
