import { Redis } from 'ioredis';
import { atEnd, provided } from './cleanup.ts';
import { RedisServer, type RedisTls } from './redis-server.ts';

/** The address of an empty logical database of one's own on the run's server. */
export async function redisUrl(): Promise<string> {
  const server = await provided('redis');
  const redis = new Redis(server);
  try {
    return `${server}/${await redis.incr('next')}`;
  } finally {
    redis.disconnect();
  }
}

/** A server of one's own, to stop and start again. Stopped when the test file is through. */
export async function startRedis(options: string[] = [], tls?: RedisTls): Promise<RedisServer> {
  const server = await RedisServer.start(await provided('redis-server'), options, tls);
  atEnd(() => server.stop());
  return server;
}
