import { DomainError } from '../../core/errors.ts';
import type { RedisClient } from './client.ts';

/** Error prefixes of a Redis that cannot serve now. */
const NOT_NOW =
  /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|OOM|MISCONF|BUSY|NOREPLICAS|NOAUTH|WRONGPASS)/;

/**
 * Awaits what Redis was asked for.
 * @throws DomainError unavailable when there is no reply, or none until later.
 */
export async function reply<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (Error.isError(error) && error.name === 'ReplyError' && !NOT_NOW.test(error.message)) throw error;
    throw new DomainError('unavailable', {}, { cause: error });
  }
}

type Argument = string | number;
type Run = (key: string, ...args: Argument[]) => Promise<unknown>;

/**
 * A Lua script on one key, sent by its hash (EVALSHA).
 * @returns the function that runs it; it throws DomainError unavailable when Redis is.
 */
export function script(redis: RedisClient, name: string, lua: string): Run {
  redis.defineCommand(name, { numberOfKeys: 1, lua });
  const command = Reflect.get(redis, name) as Run;
  return (key, ...args) => reply(command.call(redis, key, ...args));
}

/** Milliseconds. */
const KEPT = 10_000;

/** Has Redis store something: one that is full, or a replica, still answers. @throws DomainError unavailable, with its words. */
export async function probeRedis(redis: RedisClient): Promise<void> {
  await reply(redis.set('readiness', '1', 'PX', KEPT));
}
