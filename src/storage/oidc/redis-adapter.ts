import type { Clock } from '../../core/clock.ts';
import { CLAIM_TTL } from '../../core/replies.ts';
import { sha256 } from '../../core/ids.ts';
import type { RedisClient } from '../redis/client.ts';
import { reply } from '../redis/reply.ts';
import { script } from '../redis/script.ts';
import type { Adapter, AdapterFactory, Payload } from './adapter.ts';
import { deviceCodes } from './device-codes.ts';
import { AlreadyConsumed, GrantGone, AlreadyClaimed, ReplayDetected } from './errors.ts';
import { foundExpired, isUsedOnce, pack, unpack } from './record.ts';
import { redisGrants } from './redis-grants.ts';
import { coalesce } from './coalesce.ts';

/*
 * A record is a hash: p the payload, x its expiry and c when it was consumed, in milliseconds; with l as well it is
 * claimed since c. What settles a claim only deletes, which a Redis that is full still does. Expiry is decided by our
 * clock; Redis' own only takes the memory back.
 */
const PUT = `
redis.call('HSET', KEYS[1], 'p', ARGV[1], 'x', ARGV[2])
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
redis.call('HSET', KEYS[1], 'c', ARGV[1], 'l', '1')
return 'done'`;

const RELEASE = `
if redis.call('HEXISTS', KEYS[1], 'l') == 1 and tonumber(redis.call('HGET', KEYS[1], 'c')) == tonumber(ARGV[1]) then
  redis.call('HDEL', KEYS[1], 'c', 'l')
end`;

/** Short-lived models in Redis: one call per operation, two for a write under a grant. */
export function redisAdapters({ redis, clock }: { redis: RedisClient; clock: Clock }): AdapterFactory {
  const grants = redisGrants(redis);
  const put = script(redis, 'recordPut', PUT);
  const insertOnce = script(redis, 'recordInsertOnce', INSERT_ONCE);
  const claim = script(redis, 'recordClaim', CLAIM_IT);
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
        const kept = Math.max(1, Math.ceil(expiresAt + foundExpired(model) - now));
        if (isUsedOnce(model)) {
          if ((await insertOnce(key, json, expiresAt, kept, now)) !== 1)
            throw new ReplayDetected(`this ${model} was seen before`);
          return;
        }
        const write = () => put(key, json, expiresAt, kept);
        if (grantId === null) await write();
        else if (!(await grants.write(grantId, key, write, now + kept, now)))
          throw new GrantGone('its grant has ended');
      },
      async find(id) {
        const [json, expiresAt, used, isClaimed] = await reply(redis.hmget(keyOf(id), 'p', 'x', 'c', 'l'));
        if (!json || Number(expiresAt) + foundExpired(model) <= clock.now()) return undefined;
        const at = used ? Number(used) : null;
        return unpack(id, JSON.parse(json) as Payload, isClaimed ? { claimedAt: at } : { consumedAt: at });
      },
      async claim(id, at) {
        const outcome = await claim(keyOf(id), at);
        if (outcome === 'gone') throw new AlreadyConsumed(`this ${model} is consumed or gone`);
        if (outcome === 'claimed') throw new AlreadyClaimed(`this ${model} is claimed`);
      },
      async consume(id) {
        await reply(redis.hdel(keyOf(id), 'l'));
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
