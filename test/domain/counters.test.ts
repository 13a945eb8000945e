import { describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/core/logger.ts';
import { postgresCounters } from '../../src/storage/counters.ts';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createRedis } from '../../src/storage/redis/client.ts';
import { redisCounters } from '../../src/storage/redis/counters.ts';
import { atEnd } from '../support/cleanup.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { errorOf, openDomain } from './harness.ts';

describe.each(['postgres', 'redis'] as const)('counters in %s', (kind) => {
  const domain = openDomain({ counters: kind });

  test('increment, decrement, read and delete', async () => {
    const { counters } = await domain;
    expect(await counters.get('one')).toBeNull();
    expect((await counters.add('one', 1, 60)).count).toBe(1);
    expect((await counters.add('one', 2, 60)).count).toBe(3);
    expect((await counters.add('one', -1, 60)).count).toBe(2);
    expect((await counters.get('one'))?.count).toBe(2);
    expect(await counters.get('two')).toBeNull();
    await counters.delete('one');
    await counters.delete('one');
    expect(await counters.get('one')).toBeNull();
  });

  test('lose no parallel increment', async () => {
    const { counters } = await domain;
    const counts = await Promise.all(Array.from({ length: 50 }, () => counters.add('crowd', 1, 60)));
    expect(counts.map(({ count }) => count).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  });

  test('expire with their window, which starts at the first increment', async () => {
    const { counters } = await domain;
    const { expiresIn } = await counters.add('window', 1, 600);
    expect(expiresIn).toBeGreaterThan(590);
    expect(expiresIn).toBeLessThanOrEqual(600);
    expect((await counters.add('window', 1, 6000)).expiresIn).toBeLessThanOrEqual(600);
    await counters.add('short', 5, 1);
    while ((await counters.get('short')) !== null) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await counters.add('short', 1, 60)).count).toBe(1);
  });

  test('expire some time after their last increment', async () => {
    const { counters } = await domain;
    expect(await counters.extend('lasting', 2, 60)).toBe(2);
    expect(await counters.extend('lasting', -1, 6000)).toBe(1);
    expect((await counters.get('lasting'))?.expiresIn).toBeLessThanOrEqual(60);
    expect(await counters.extend('lasting', 1, 600)).toBe(2);
    expect((await counters.get('lasting'))?.expiresIn).toBeGreaterThan(590);
    // An expired counter is not recreated with a negative value.
    expect(await counters.extend('gone', -1, 600)).toBe(0);
    expect(await counters.get('gone')).toBeNull();
  });
});

describe('counters while the store is down', () => {
  const logger = createLogger('silent');

  test.each(['postgres', 'redis'] as const)('fail, and work again once %s is back', async (kind) => {
    const server = await (kind === 'postgres' ? startPostgres() : startRedis());
    const open = () => {
      if ('url' in server) {
        const redis = createRedis(server.url, logger);
        atEnd(async () => redis.disconnect());
        return redisCounters(redis);
      }
      const pool = createPool(server.databaseUrl(), { logger, applicationName: 'test' });
      atEnd(() => pool.end());
      return postgresCounters(pool);
    };
    const counters = open();
    if (!('url' in server)) await migrate(server.databaseUrl(), logger);
    expect((await counters.add('key', 1, 60)).count).toBe(1);
    await server.stop();
    expect(await errorOf(counters.add('key', 1, 60))).toEqual({ code: 'unavailable' });
    expect(await errorOf(counters.get('key'))).toEqual({ code: 'unavailable' });
    expect(await errorOf(counters.delete('key'))).toEqual({ code: 'unavailable' });
    await server.start();
    // The client reconnects at its own pace.
    while ((await errorOf(counters.get('key')))['code'] !== 'none') {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await counters.add('other', 1, 60)).count).toBe(1);
  });
});
