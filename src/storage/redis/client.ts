import { Cluster, Redis } from 'ioredis';
import type { Logger } from '../../core/logger.ts';

export type RedisClient = Redis | Cluster;

/** Prefix of all our keys, added by the client. */
const KEY_PREFIX = 'postern:';

/** Longest wait between two attempts to connect, in milliseconds. */
const MAX_RETRY_DELAY = 1_000;

const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** (attempt - 1), MAX_RETRY_DELAY);

const settings = {
  connectionName: 'postern',
  connectTimeout: 3_000,
  // Give up on a server that is silent for this long.
  socketTimeout: 3_000,
  // What is under way when the connection breaks fails at once: it may have been done, so doing it again could make
  // a winner of `consume` its loser. What is asked for while it is down waits for the next attempt, no longer.
  maxRetriesPerRequest: 0,
} as const;

/**
 * A client of the Redis at `url` (redis: or rediss:), or of the Redis Cluster that this node belongs to when the URL
 * says `?cluster=true`. It connects at once and again by itself; what it cannot do meanwhile fails within seconds. The
 * log hears of each outage once, and of its end.
 */
export function createRedis(url: string, logger: Logger): RedisClient {
  const isCluster = URL.parse(url)?.searchParams.get('cluster') === 'true';
  const redis = isCluster
    ? createCluster(url)
    : new Redis(url, { ...settings, keyPrefix: KEY_PREFIX, retryStrategy });
  let isDown = false;
  redis.on('error', (error: Error) => {
    // Only the message: the error of a failed AUTH carries the password.
    if (!isDown) logger.error({ reason: error.message }, 'Redis is not available');
    isDown = true;
  });
  redis.on('ready', () => {
    if (isDown) logger.info('Redis is back');
    isDown = false;
  });
  return redis;
}

function createCluster(url: string): Cluster {
  const { hostname, port, username, password, protocol } = new URL(url);
  const redisOptions = {
    ...settings,
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
  return new Cluster([{ host: hostname, port: Number(port || 6379) }], {
    keyPrefix: KEY_PREFIX,
    clusterRetryStrategy: retryStrategy,
    // Commands for an unreachable cluster would wait forever.
    enableOfflineQueue: false,
    redisOptions,
  });
}
