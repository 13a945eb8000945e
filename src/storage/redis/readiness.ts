import type { RedisClient } from './client.ts';
import { reply } from './reply.ts';

/** Milliseconds. */
const KEPT = 10_000;

/** Has Redis store something: one that is full, or a replica, still answers. @throws DomainError unavailable, with its words. */
export async function probeRedis(redis: RedisClient): Promise<void> {
  await reply(redis.set('readiness', '1', 'PX', KEPT));
}
