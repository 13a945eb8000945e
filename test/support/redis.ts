import { Redis } from 'ioredis';
import { atEnd, provided } from './cleanup.ts';
import { RedisServer, type RedisTls } from './redis-server.ts';

/** Address of an empty logical database on the run's server. */
export async function redisUrl(): Promise<string> {
  const server = await provided('redis');
  const redis = new Redis(server);
  try {
    return `${server}/${await redis.incr('next')}`;
  } finally {
    redis.disconnect();
  }
}

/** Starts a separate server that a test may stop and start. Stopped at the end of the test file. */
export async function startRedis(options: string[] = [], tls?: RedisTls): Promise<RedisServer> {
  const server = await RedisServer.start(await provided('redis-server'), options, tls);
  atEnd(() => server.stop());
  return server;
}
