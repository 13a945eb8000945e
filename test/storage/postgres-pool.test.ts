import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Pool } from 'pg';
import { createLogger } from '../../src/core/logger.ts';
import { Pipeline } from '../../src/storage/postgres/pool-pipelined.ts';
import { isUnavailable } from '../../src/storage/postgres/pool-unavailable.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { checkWritable } from '../../src/storage/postgres/readiness.ts';
import { createSequelize } from '../../src/storage/postgres/sequelize.ts';
import { secrets } from './backends.ts';
import { atEnd } from '../support/cleanup.ts';
import { execute } from '../support/postgres-server.ts';
import { createDatabase, startPostgres } from '../support/postgres.ts';

const logger = createLogger('silent');

function poolOf(url: string, max = 4): Pool {
  const pool = createPool(url, { max, logger, applicationName: 'test' });
  atEnd(() => pool.end());
  return pool;
}

function pipelineOf(url: string): Pipeline {
  const pipeline = new Pipeline(url, { logger, applicationName: 'test' });
  atEnd(() => pipeline.end());
  return pipeline;
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

test('outlives its server: what is under way fails as unavailable, and it heals by itself', async () => {
  const server = await startPostgres();
  const pool = poolOf(server.databaseUrl());
  const pipeline = pipelineOf(server.databaseUrl());
  const one = { name: 'one', text: 'select $1::int as n', values: [1] };
  for (const end of [() => server.stop(), () => server.kill()]) {
    await checkWritable(pool);
    await pipeline.query(one);
    // One connection idle, one checked out between two statements, one busy, one with statements on their way.
    const held = await pool.connect();
    const busy = failureOf(pool.query('select pg_sleep(60)'));
    const sent = [0.1, 60].map((seconds) =>
      failureOf(pipeline.query({ name: 'sleep', text: 'select pg_sleep($1)', values: [seconds] })),
    );
    await pool.query('select 1');
    await end();
    const failures = [
      await busy,
      await failureOf(held.query('select 1')),
      ...(await Promise.all(sent)).slice(1),
    ];
    held.release(true);
    failures.push(await failureOf(checkWritable(pool)), await failureOf(pipeline.query(one)));
    expect(failures.map((error) => [String(error), isUnavailable(error)])).toEqual(
      failures.map((error) => [String(error), true]),
    );
    await server.start();
    await checkWritable(pool);
    expect((await pipeline.query(one)).rows).toEqual([{ n: 1 }]);
  }
});

test('knows Sequelize’s words for it', async () => {
  const server = await startPostgres();
  const sequelize = createSequelize(server.databaseUrl(), 2, secrets);
  atEnd(() => sequelize.close());
  await sequelize.query('select 1');
  const busy = failureOf(sequelize.query('select pg_sleep(60)'));
  const observer = poolOf(server.databaseUrl());
  const sleeping = "select from pg_stat_activity where wait_event = 'PgSleep'";
  while ((await observer.query(sleeping)).rowCount === 0) await sleep(5);
  await server.stop();
  expect(isUnavailable(await busy)).toBe(true);
  expect(isUnavailable(await failureOf(sequelize.query('select 1')))).toBe(true);
});

test('tells a server that cannot serve now from a statement that is wrong', async () => {
  const { url } = await createDatabase();
  const pool = poolOf(url);
  const timedOut = await failureOf(pool.query('set statement_timeout = 10; select pg_sleep(60)'));
  expect(isUnavailable(timedOut)).toBe(true);
  await pool.query('create table once (n integer primary key); insert into once values (1)');
  for (const sql of ['select', 'select * from nothing', 'insert into once values (1)', 'select 1 / 0']) {
    expect([sql, isUnavailable(await failureOf(pool.query(sql)))]).toEqual([sql, false]);
  }
  expect(isUnavailable(null)).toBe(false);
  await execute(url, `alter database ${new URL(url).pathname.slice(1)} connection limit 0`);
  const late = poolOf(url);
  expect(await failureOf(late.query('select 1'))).toMatchObject({ code: '53300' });
  expect(isUnavailable(await failureOf(late.query('select 1')))).toBe(true);
});

test('gives up on a server that never answers, and on a pool that is used up', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  atEnd(async () => silent.close());
  const { url } = await createDatabase();
  const small = poolOf(url, 1);
  const held = await small.connect();
  const unanswered = `postgres://nobody@127.0.0.1:${(silent.address() as AddressInfo).port}/nothing`;
  const failures = await Promise.all([
    failureOf(poolOf(unanswered).query('select 1')),
    failureOf(pipelineOf(unanswered).query({ name: 'one', text: 'select 1', values: [] })),
    failureOf(small.query('select 1')),
  ]);
  held.release();
  expect(failures.map((error) => [String(error), isUnavailable(error)])).toEqual(
    failures.map((error) => [String(error), true]),
  );
});

test('a pipeline answers each statement with its own result or its own error, in any company', async () => {
  const { url } = await createDatabase();
  const pipeline = pipelineOf(url);
  const results = await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const divide = { name: 'divide', text: 'select 100 / $1::int as n', values: [n % 5] };
      const echo = { name: 'echo', text: 'select $1::int as n', values: [n] };
      return pipeline.query<{ n: number }>(n % 3 === 0 ? divide : echo).then(
        ({ rows }) => rows[0]?.n,
        (error: Error) => error.message,
      );
    }),
  );
  const expected = results.map((_, n) => {
    if (n % 3 !== 0) return n;
    return n % 5 === 0 ? 'division by zero' : Math.trunc(100 / (n % 5));
  });
  expect(results).toEqual(expected);
});
