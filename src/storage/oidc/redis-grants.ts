import type { RedisClient } from '../redis/client.ts';
import { reply } from '../redis/reply.ts';
import { script } from '../redis/script.ts';

/*
 * One sorted set a grant: the keys of its tokens, scored by their expiry, and `!` once the grant has ended. All that
 * must be decided at once is decided on this one key.
 */
const REGISTER = `
if redis.call('ZSCORE', KEYS[1], '!') then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
local kept = tonumber(ARGV[4])
if redis.call('PTTL', KEYS[1]) < kept then redis.call('PEXPIRE', KEYS[1], kept) end
return 1`;

const END = `
redis.call('ZADD', KEYS[1], '+inf', '!')
local kept = tonumber(ARGV[1])
if redis.call('PTTL', KEYS[1]) < kept then redis.call('PEXPIRE', KEYS[1], kept) end
return redis.call('ZRANGE', KEYS[1], 0, -1)`;

/** Milliseconds that an ended grant is remembered: longer than any request that may still write under it. */
const ENDED_KEPT = 3_600_000;

export interface RedisGrants {
  /**
   * Writes a token and registers it under its grant. The token is there before it is registered: an end that comes
   * before the registration is seen by it, one that comes after sees the token.
   * @param expiresAt and @param now milliseconds since the epoch. @returns whether the grant is alive; else the
   * token is gone again.
   */
  write(
    grantId: string,
    key: string,
    put: () => Promise<unknown>,
    expiresAt: number,
    now: number,
  ): Promise<boolean>;
  /** Deletes every token of the grant. */
  revoke(grantId: string): Promise<void>;
  /** Deletes every token of the grant, and lets nothing more be written under it. */
  end(grantId: string): Promise<void>;
}

/** Tokens by grant, in Redis. */
export function redisGrants(redis: RedisClient): RedisGrants {
  const register = script(redis, 'grantRegister', REGISTER);
  const end = script(redis, 'grantEnd', END);
  const keyOf = (grantId: string) => `grant:${grantId}`;

  /** Forgets tokens only after deleting them, so that an interrupted revocation can be repeated. */
  async function unlink(grantKey: string, members: string[]): Promise<void> {
    const tokens = members.filter((member) => member !== '!');
    if (tokens.length === 0) return;
    // One by one, on one connection, at once: they live in different slots of a cluster.
    await Promise.all(tokens.map((token) => reply(redis.unlink(token))));
    await reply(redis.zrem(grantKey, ...tokens));
  }

  return {
    async write(grantId, key, put, expiresAt, now) {
      const written = put();
      // Commands on one connection keep their order; on a cluster's several they do not.
      if (redis.isCluster) await written;
      const args = [key, expiresAt, now, Math.max(1, Math.ceil(expiresAt - now))];
      const [alive] = await Promise.all([register(keyOf(grantId), ...args), written]);
      if (alive !== 1) await reply(redis.unlink(key));
      return alive === 1;
    },
    async revoke(grantId) {
      await unlink(keyOf(grantId), await reply(redis.zrange(keyOf(grantId), '0', '-1')));
    },
    async end(grantId) {
      await unlink(keyOf(grantId), (await end(keyOf(grantId), ENDED_KEPT)) as string[]);
    },
  };
}
