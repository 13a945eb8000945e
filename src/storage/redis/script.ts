import type { RedisClient } from './client.ts';
import { reply } from './reply.ts';

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
