import { Cluster, Redis } from 'ioredis';
import { parseRedisUrl, type RedisAddress } from '../../config/redis-url.ts';
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
  // Commands under way when the connection breaks fail at once: they may have been done, and a repeated `consume` could turn
  // its winner into a loser. Commands issued while it is down wait for the next attempt, no longer.
  maxRetriesPerRequest: 0,
  // The master has become a replica: the next connection finds the new one.
  reconnectOnError: ({ message }: Error): boolean => message.startsWith('READONLY'),
} as const;

/**
 * A client of the Redis that `url` names (`config/redis-url.ts`). It connects at once and reconnects by itself; meanwhile
 * commands fail within seconds. Each outage is logged once, and its end.
 */
export function createRedis(url: string, logger: Logger): RedisClient {
  const address = parseRedisUrl(url);
  if (!address) throw new TypeError('REDIS_URL is invalid');
  const redis = address.kind === 'cluster' ? createCluster(address) : createSingle(address);
  if (redis.isCluster) redis.on('+node', sendTogether);
  else sendTogether(redis as Redis);
  let isDown = false;
  redis.on('error', (error: Error) => {
    // Only the message: the error of a failed AUTH contains the password.
    if (!isDown) logger.error({ reason: error.message }, 'Redis is not available');
    isDown = true;
  });
  redis.on('ready', () => {
    if (isDown) logger.info('Redis is available again');
    isDown = false;
  });
  return redis;
}

/**
 * Sends all commands to a server within one turn of the event loop in one write: under load a write costs more than the commands
 * in it. Commands keep their order and stay separate, so nothing else changes, even in a cluster.
 */
function sendTogether(redis: Redis): void {
  redis.on('connect', () => {
    const { stream } = redis;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = (...args: unknown[]) => {
      if (stream.writableCorked === 0) {
        stream.cork();
        setImmediate(() => stream.uncork());
      }
      return write(...args);
    };
  });
}

const login = ({ username, password, tls }: RedisAddress) => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
  ...(tls ? { tls: {} } : {}),
});

function createSingle(address: RedisAddress): Redis {
  const { kind, nodes, name, db, tls } = address;
  const [{ host, port }] = nodes;
  return new Redis({
    ...settings,
    ...login(address),
    ...(kind === 'sentinel'
      ? {
          sentinels: nodes,
          name,
          sentinelRetryStrategy: retryStrategy,
          // Leave the old master when the sentinels replace it. One that hung and goes on would take writes until they demote it,
          // and lose them then: a code redeemed there would be valid again.
          failoverDetector: true,
          ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
        }
      : { host, port }),
    db,
    keyPrefix: KEY_PREFIX,
    retryStrategy,
  });
}

function createCluster(address: RedisAddress): Cluster {
  return new Cluster(address.nodes, {
    keyPrefix: KEY_PREFIX,
    clusterRetryStrategy: retryStrategy,
    // Commands for an unreachable cluster would wait forever.
    enableOfflineQueue: false,
    redisOptions: { ...settings, ...login(address) },
  });
}
