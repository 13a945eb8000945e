import { Writable } from 'node:stream';
import { Redis } from 'ioredis';
import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/core/logger.ts';
import { createRedis } from '../../src/storage/redis/client.ts';
import { reply } from '../../src/storage/redis/commands.ts';
import { atEnd } from '../support/cleanup.ts';
import { startRedis } from '../support/redis.ts';
import { KINDS, openBackend, type Backend } from './backends.ts';

/** How often each command was called since the last reading. */
async function commandsDuring(redis: Redis, work: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.config('RESETSTAT');
  await work();
  const stats = await redis.info('commandstats');
  const calls = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, count]) => [
    name,
    Number(count),
  ]);
  const { 'info': _i, 'config|resetstat': _c, ...rest } = Object.fromEntries(calls) as Record<string, number>;
  return rest;
}

test('during an outage commands fail within seconds, it is logged once, and the client recovers by itself', async () => {
  const server = await startRedis();
  const lines: string[] = [];
  const sink = new Writable({ write: (chunk, _encoding, done) => (lines.push(String(chunk)), done()) });
  const redis = createRedis(server.url, createLogger('info', sink));
  atEnd(async () => redis.disconnect());
  await reply(redis.set('a', '1'));
  await server.stop('SIGKILL');
  for (let index = 0; index < 3; index += 1)
    await expect(reply(redis.get('a'))).rejects.toMatchObject({ code: 'unavailable' });
  await server.start();
  while (redis.status !== 'ready') await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await reply(redis.get('a'))).toBeNull();
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'Redis is not available',
    'Redis is available again',
  ]);
  await expect(reply(redis.lpush('a', '1').then(() => redis.incr('a')))).rejects.toThrow(/WRONGTYPE/);
});

test('a refused Redis password is not logged', async () => {
  const server = await startRedis(['--requirepass', 'right']);
  let log = '';
  const sink = new Writable({ write: (chunk, _encoding, done) => ((log += String(chunk)), done()) });
  const redis = createRedis(server.url.replace('//', '//:wrong-password@'), createLogger('trace', sink));
  await expect(reply(redis.get('a'))).rejects.toMatchObject({ code: 'unavailable' });
  redis.disconnect();
  expect(log).toContain('WRONGPASS');
  expect(log).not.toContain('wrong-password');
});

test('commands of one turn are sent in one write and answered in order', async () => {
  const server = await startRedis();
  const redis = createRedis(server.url, createLogger('silent')) as Redis;
  atEnd(async () => redis.disconnect());
  const other = new Redis(server.url);
  atEnd(async () => other.disconnect());
  await redis.ping();
  const reads = async () => Number(/total_reads_processed:(\d+)/.exec(await other.info('stats'))?.[1]);
  const before = await reads();
  const replies = await Promise.all([redis.set('a', '1'), redis.incr('a'), redis.get('a'), redis.get('b')]);
  // One of ours, and one for this question.
  expect([replies, (await reads()) - before]).toEqual([['OK', 2, '2', null], 2]);
});

test('the adapters need one Redis call for each operation, or two to write under a grant', async () => {
  const backend = await openBackend('PostgreSQL and Redis');
  const redis = backend.redis as Redis;
  const codes = backend.adapters('AuthorizationCode');
  const grantId = await backend.newGrant();
  for (const id of ['first', 'second']) {
    const written = await commandsDuring(redis, () => codes.upsert(id, { grantId }, 60));
    // A connection sends the script itself the first time.
    expect((written['evalsha'] ?? 0) + (written['eval'] ?? 0)).toBe(2);
  }
  expect(await commandsDuring(redis, () => codes.find('first'))).toEqual({ hmget: 1 });
  await codes.claim('first', backend.clock.now());
  const now = backend.clock.now();
  expect(await commandsDuring(redis, () => codes.claim('second', now))).toEqual({
    evalsha: 1,
    hmget: 1,
    hset: 1,
  });
  expect(await commandsDuring(redis, () => codes.consume('second', now))).toEqual({ hdel: 1 });
  const interactions = backend.adapters('Interaction');
  await interactions.upsert('first', {}, 60);
  const alone = await commandsDuring(redis, () => interactions.upsert('second', {}, 60));
  // A long value is compressed and stored in another field.
  expect(alone).toEqual({ evalsha: 1, hset: 1, hdel: 1, pexpire: 1 });
});

test('the tested cluster refuses two keys from different slots', async () => {
  const backend = await openBackend('PostgreSQL and Redis Cluster');
  const node = new Redis(backend.server!.url);
  await expect(node.mget('a', 'b')).rejects.toThrow(/CROSSSLOT/);
  node.disconnect();
});

describe.each(KINDS.slice(1))('%s', (kind) => {
  let backend: Backend;

  test('without Redis, what is stored there is unavailable, and everything else works', async () => {
    backend = await openBackend(kind);
    const { adapters } = backend;
    const grantId = await backend.newGrant();
    await backend.server!.stop('SIGKILL');
    const codes = adapters('AuthorizationCode');
    for (const asked of [
      codes.find('a'),
      codes.upsert('a', { grantId }, 60),
      codes.claim('a', backend.clock.now()),
      codes.consume('a', backend.clock.now()),
      codes.release('a', backend.clock.now()),
      codes.destroy('a'),
    ])
      await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    await expect(codes.revokeByGrantId(grantId)).rejects.toMatchObject({ code: 'unavailable' });
    await adapters('RefreshToken').upsert('a', { grantId }, 60);
    expect(await adapters('RefreshToken').find('a')).toBeDefined();
    expect(await adapters('Grant').find(grantId)).toBeDefined();
    await backend.server!.start();
  });
});
