import { DomainError } from '../../core/errors.ts';
import type { RedisClient } from './client.ts';

/** Error prefixes of a Redis that cannot serve now. */
const NOT_NOW =
  /^(LOADING|CLUSTERDOWN|MASTERDOWN|READONLY|TRYAGAIN|OOM|MISCONF|BUSY|NOREPLICAS|NOAUTH|WRONGPASS)/;

/**
 * Awaits a reply of Redis.
 * @throws DomainError unavailable when there is none, or Redis cannot serve now.
 */
export async function reply<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (Error.isError(error) && error.name === 'ReplyError' && !NOT_NOW.test(error.message)) throw error;
    throw new DomainError('unavailable', {}, { cause: error });
  }
}

type Argument = string | number | Buffer;
type Run = (key: string, ...args: Argument[]) => Promise<unknown>;

/** Milliseconds that a decision waits for a replica. One that is away for longer does not take over. */
const REPLICA = 200;

/** Whether another server takes over when this one fails, with what was replicated by then: a cluster, or sentinels. */
const hasReplicas = ({ options }: RedisClient): boolean =>
  !('sentinels' in options) || options.sentinels !== null;

/**
 * Waits until a replica, if one may take over, has what was written to `key`: a code redeemed at a master that then fails must
 * not become valid again at its replica. Sent on the connection that wrote, in one write with a command on the key, which finds
 * the node in a cluster.
 */
export async function reachReplica(redis: RedisClient, key: string): Promise<void> {
  if (hasReplicas(redis)) await reply(redis.pipeline().exists(key).wait(1, REPLICA).exec());
}

/**
 * A Lua script on one key, sent by its hash (EVALSHA).
 * @param decides whether its effect must not be lost when a replica takes over.
 * @returns the function that runs it; it throws DomainError unavailable when Redis is.
 */
export function script(redis: RedisClient, name: string, lua: string, decides = false): Run {
  redis.defineCommand(name, { numberOfKeys: 1, lua });
  const command = Reflect.get(redis, name) as Run;
  const run: Run = (key, ...args) => reply(command.call(redis, key, ...args));
  if (!decides) return run;
  return async (key, ...args) => {
    const outcome = await run(key, ...args);
    await reachReplica(redis, key);
    return outcome;
  };
}

/** Milliseconds. */
const KEPT = 10_000;

/** Has Redis store something: a full one, or a replica, still answers. @throws DomainError unavailable, with Redis' message. */
export async function probeRedis(redis: RedisClient): Promise<void> {
  await reply(redis.set('readiness', '1', 'PX', KEPT));
}
