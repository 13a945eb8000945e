import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Clock } from '../../core/clock.ts';
import { sha256 } from '../../core/ids.ts';
import { CLAIM_TTL } from '../../core/replies.ts';
import type { RedisClient } from '../redis/client.ts';
import { reachReplica, reply, script } from '../redis/commands.ts';
import type { Adapter, AdapterFactory, Payload } from './adapter.ts';
import { deviceCodes } from './device-codes.ts';
import {
  AlreadyClaimed,
  AlreadyConsumed,
  coalesce,
  GrantGone,
  isUsedOnce,
  LONG,
  pack,
  ReplayDetected,
  unpack,
} from './record.ts';

/*
 * A record is a hash: p is the payload, or z the same compressed; x its expiry and c when it was consumed, in milliseconds; with
 * l it is only claimed since c; f is where its claim came from. Settling a claim only deletes, which even a full Redis does. Our
 * clock decides expiry; that of Redis only frees the memory.
 */
const PUT = `
redis.call('HSET', KEYS[1], 'p', ARGV[1], 'x', ARGV[2])
redis.call('HDEL', KEYS[1], 'z')
redis.call('PEXPIRE', KEYS[1], ARGV[3])`;

const PUT_COMPRESSED = `
redis.call('HSET', KEYS[1], 'z', ARGV[1], 'x', ARGV[2])
redis.call('HDEL', KEYS[1], 'p')
redis.call('PEXPIRE', KEYS[1], ARGV[3])`;

const INSERT_ONCE = `
local expires = redis.call('HGET', KEYS[1], 'x')
if expires and tonumber(expires) > tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], 'p', ARGV[1], 'x', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`;

const CLAIM_IT = `
local found = redis.call('HMGET', KEYS[1], 'x', 'c', 'l')
if not found[1] or tonumber(found[1]) <= tonumber(ARGV[1]) then return 'gone' end
if found[2] and not found[3] then return 'gone' end
if found[2] and tonumber(found[2]) > tonumber(ARGV[1]) - ${CLAIM_TTL} then return 'claimed' end
redis.call('HSET', KEYS[1], 'c', ARGV[1], 'l', '1', 'f', ARGV[2])
return 'done'`;

const RELEASE = `
if redis.call('HEXISTS', KEYS[1], 'l') == 1 and tonumber(redis.call('HGET', KEYS[1], 'c')) == tonumber(ARGV[1]) then
  redis.call('HDEL', KEYS[1], 'c', 'l', 'f')
end`;

/** Models that strangers write: long ones are compressed, so that one request takes less than 2 KB. */
const OF_STRANGERS = new Set(['Interaction', 'PushedAuthorizationRequest', 'DeviceCode']);

const isCompressed = (model: string, json: string): boolean =>
  OF_STRANGERS.has(model) && Buffer.byteLength(json) >= LONG;

/** Short-lived models in Redis: one call per operation, two for a write under a grant. */
export function redisAdapters({ redis, clock }: { redis: RedisClient; clock: Clock }): AdapterFactory {
  const grants = redisGrants(redis);
  const put = script(redis, 'recordPut', PUT);
  const putCompressed = script(redis, 'recordPutCompressed', PUT_COMPRESSED);
  const insertOnce = script(redis, 'recordInsertOnce', INSERT_ONCE, true);
  const claim = script(redis, 'recordClaim', CLAIM_IT, true);
  const release = script(redis, 'recordRelease', RELEASE);
  const revokeByGrantId = coalesce((grantId) => grants.revoke(grantId));

  const records = (model: string): Adapter => {
    const keyOf = (id: string) => `${model}:${sha256(id)}`;
    return {
      async upsert(id, payload, expiresIn) {
        const now = clock.now();
        const { json, grantId, expiresAt } = pack(id, payload, now, expiresIn);
        const key = keyOf(id);
        // Store nothing that has already expired.
        const kept = Math.max(1, Math.ceil(expiresAt - now));
        if (isUsedOnce(model)) {
          if ((await insertOnce(key, json, expiresAt, kept, now)) !== 1)
            throw new ReplayDetected(`this ${model} was seen before`);
          return;
        }
        const write = () =>
          isCompressed(model, json)
            ? putCompressed(key, deflateRawSync(json), expiresAt, kept)
            : put(key, json, expiresAt, kept);
        if (grantId === null) await write();
        else if (!(await grants.write(grantId, key, write, now + kept, now)))
          throw new GrantGone('its grant has ended');
      },
      async find(id) {
        const [plain, expiresAt, used, isClaimed, compressed, from] = await reply(
          redis.hmgetBuffer(keyOf(id), 'p', 'x', 'c', 'l', 'z', 'f'),
        );
        const json = plain ?? (compressed && inflateRawSync(compressed));
        if (!json || Number(expiresAt) <= clock.now()) return undefined;
        const at = used ? Number(used) : null;
        return unpack(id, JSON.parse(json.toString()) as Payload, {
          [isClaimed ? 'claimedAt' : 'consumedAt']: at,
          claimedFrom: from?.toString() || null,
        });
      },
      async claim(id, at, from = '') {
        const outcome = await claim(keyOf(id), at, from);
        if (outcome === 'gone') throw new AlreadyConsumed(`this ${model} is consumed or gone`);
        if (outcome === 'claimed') throw new AlreadyClaimed(`this ${model} is claimed`);
      },
      async consume(id) {
        await reply(redis.hdel(keyOf(id), 'l'));
        await reachReplica(redis, keyOf(id));
      },
      async release(id, at) {
        await release(keyOf(id), at);
      },
      async destroy(id) {
        await reply(redis.unlink(keyOf(id)));
      },
      revokeByGrantId,
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
    };
  };
  return (model) =>
    model === 'DeviceCode' ? deviceCodes(records(model), records('UserCode')) : records(model);
}

/*
 * One sorted set per grant: the keys of its tokens, scored by their expiry, and `!` once the grant has ended. All atomic
 * decisions are made on this one key.
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
   * Writes a token, then registers it under its grant. An end before the registration makes that fail; an end after it finds the
   * token.
   * @param expiresAt milliseconds since the epoch, like `now`.
   * @returns whether the grant is alive; otherwise the token is deleted again.
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
  /** Deletes every token of the grant, and rejects further writes under it. */
  end(grantId: string): Promise<void>;
}

/** Tokens by grant, in Redis. */
export function redisGrants(redis: RedisClient): RedisGrants {
  const register = script(redis, 'grantRegister', REGISTER);
  const end = script(redis, 'grantEnd', END, true);
  const keyOf = (grantId: string) => `grant:${grantId}`;

  /** Forgets tokens only after deleting them, so that an interrupted revocation can be repeated. */
  async function unlink(grantKey: string, members: string[]): Promise<void> {
    const tokens = members.filter((member) => member !== '!');
    if (tokens.length === 0) return;
    // Separate commands, all at once on one connection: in a cluster the keys live in different slots.
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
