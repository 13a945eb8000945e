/** The short-lived records in the stores, to read and to age: in PostgreSQL, or in Redis if there is one. */
import { Redis } from 'ioredis';
import { sha256 } from '../../../src/core/ids.ts';
import type { Provider } from './provider.ts';

type Stores = Pick<Provider, 'postern' | 'sql'>;

async function inRedis<T>({ postern }: Stores, work: (redis: Redis) => Promise<T>): Promise<T | undefined> {
  const url = postern.env['REDIS_URL'];
  if (url === undefined) return undefined;
  const redis = new Redis(url, { keyPrefix: 'postern:' });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** All records and their keys, as text. */
export async function allRecords(stores: Stores): Promise<string> {
  const rows = await stores.sql('select * from oidc_records');
  const hashes = await inRedis(stores, async (redis) => {
    // Redis clients prefix the keys of commands, but not the results of KEYS.
    const keys = (await redis.keys('*')).map((key) => key.replace(/^postern:/, ''));
    return Promise.all(
      keys.map(async (key) => [key, (await redis.type(key)) === 'hash' ? await redis.hgetall(key) : null]),
    );
  });
  return JSON.stringify([rows, hashes]);
}

/** Backdates a record as if it had expired ten seconds ago. */
export async function expireRecord(stores: Stores, model: string, id: string): Promise<void> {
  const key = sha256(id);
  const past = Math.floor(Date.now() / 1000) - 10;
  const payload = await inRedis(stores, async (redis) => {
    const found = JSON.parse((await redis.hget(`${model}:${key}`, 'p')) ?? '{}') as object;
    const aged = { p: JSON.stringify({ ...found, exp: past }), x: String(past * 1000) };
    return redis.hset(`${model}:${key}`, aged);
  });
  if (payload !== undefined) return;
  await stores.sql(
    `update oidc_records set payload = jsonb_set(payload::jsonb, '{exp}', to_jsonb($3::int))::json,
       expires_at = to_timestamp($3::int) where model = $1 and id = $2`,
    [model, key, past],
  );
}

/** Resets the counters whose keys begin with `prefix`: all tests use one address. */
export async function resetCounters(stores: Stores, prefix: string): Promise<void> {
  const removed = await inRedis(stores, async (redis) => {
    const keys = await redis.keys(`*counter:${prefix}*`);
    for (const key of keys) await redis.del(key.replace(/^postern:/, ''));
    return keys.length;
  });
  if (removed === undefined) await stores.sql('delete from counters where starts_with(key, $1)', [prefix]);
}
