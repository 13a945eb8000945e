import { beforeAll, expect, it } from '@jest/globals';
import { createLogger } from '../../src/core/logger.ts';
import { createDirectory, type Directory } from '../../src/storage/directory.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { secrets } from './backends.ts';

let directory: Directory;
let insert: (from: number, to: number) => Promise<unknown>;

beforeAll(async () => {
  const { url } = await createDatabase();
  const pool = createPool(url, { logger: createLogger('silent'), applicationName: 'test' });
  atEnd(() => pool.end());
  createSequelize(pool, secrets);
  directory = createDirectory(pool);
  insert = (from, to) =>
    pool.query(
      `insert into users (id, email, email_key, roles)
       select gen_random_uuid(), 'd' || n || '@example.org', 'd' || n || '@example.org', '{user}'
       from generate_series($1::int, $2::int) n`,
      [from, to],
    );
});

const total = async (limit: number) =>
  (await directory.users({ condition: null, sort: null, offset: 0, limit })).total;

it('a large directory is counted once for pages read in a row, a small one each time', async () => {
  await insert(1, 200);
  expect(await total(100)).toBe(200);
  await insert(201, 9_999);
  expect(await total(100)).toBe(9_999);
  await insert(10_000, 10_000);
  expect(await total(100)).toBe(10_000);
  await insert(10_001, 10_001);
  expect([await total(100), await total(0)]).toEqual([10_000, 10_001]);
});
