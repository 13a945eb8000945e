import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import type { Pool } from 'pg';
import { createLogger } from '../../src/core/logger.ts';
import type { Executor } from '../../src/storage/postgres/executor.ts';
import { SigningKey } from '../../src/storage/models/tokens.ts';
import { CONNECTIONS, createPool } from '../../src/storage/postgres/pool.ts';
import { PostgresClient } from '../../src/storage/postgres/client.ts';
import { isUnavailable } from '../../src/storage/postgres/pool-unavailable.ts';
import { checkWritable } from '../../src/storage/postgres/readiness.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import { transactions, type Tx } from '../../src/storage/postgres/transaction.ts';
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

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

test('the pool survives its server: statements under way fail as unavailable, and it recovers by itself', async () => {
  const server = await startPostgres();
  const pool = poolOf(server.databaseUrl());
  const sequelize = createSequelize(pool, secrets);
  const { inTransaction } = transactions(sequelize, logger);
  for (const end of [() => server.stop(), () => server.kill()]) {
    await checkWritable(pool);
    await sequelize.query('select 1');
    // One connection idle, one checked out between statements, one busy, one used by a model, one by a
    // transaction.
    const held = await pool.connect();
    const busy = failureOf(pool.query('select pg_sleep(60)'));
    const lent = [
      failureOf(sequelize.query('select pg_sleep(60)')),
      failureOf(inTransaction((tx) => tx.query('select pg_sleep(60)'))),
    ];
    await pool.query('select 1');
    await end();
    const failures = [await busy, await failureOf(held.query('select 1')), ...(await Promise.all(lent))];
    held.release(true);
    failures.push(
      await failureOf(checkWritable(pool)),
      await failureOf(sequelize.query('select 1')),
      await failureOf(inTransaction(async () => undefined)),
    );
    expect(failures.map((error) => [String(error), isUnavailable(error)])).toEqual(
      failures.map((error) => [String(error), true]),
    );
    await server.start();
    await checkWritable(pool);
    await inTransaction((tx) => tx.query('select 1'));
    expect(pool.totalCount).toBe(pool.idleCount);
  }
});

test('the pool distinguishes a server that is unavailable from a wrong statement', async () => {
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

test('the pool gives up on a server that never answers, and when no connection is free', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  atEnd(async () => silent.close());
  const { url } = await createDatabase();
  const small = poolOf(url, 1);
  const held = await small.connect();
  const unanswered = `postgres://nobody@127.0.0.1:${(silent.address() as AddressInfo).port}/nothing`;
  const failures = await Promise.all([
    failureOf(poolOf(unanswered).query('select 1')),
    failureOf(createSequelize(poolOf(unanswered), secrets).query('select 1')),
    failureOf(small.query('select 1')),
  ]);
  held.release();
  expect(failures.map((error) => [String(error), isUnavailable(error)])).toEqual(
    failures.map((error) => [String(error), true]),
  );
});

test('models and SQL in a transaction share a connection, and nothing is visible before the commit', async () => {
  const { url } = await createDatabase();
  const pool = poolOf(url);
  const { inTransaction } = transactions(createSequelize(pool, secrets), logger);
  const key = { kid: 'a', alg: 'EdDSA', publicJwk: {}, privateJwk: {}, activatesAt: new Date() };
  const count = async (db: Executor) =>
    (await db.query<{ n: number }>('select count(*)::int as n from signing_keys')).rows[0]?.n;
  const left: Tx[] = [];
  const kept = inTransaction(async (tx) => {
    left.push(tx);
    await SigningKey.create(key, { transaction: tx });
    expect([await count(tx), await count(pool)]).toEqual([1, 0]);
    throw new Error('undone');
  });
  await expect(kept).rejects.toThrow('undone');
  expect(await count(pool)).toBe(0);
  await inTransaction((tx) => SigningKey.create(key, { transaction: tx }));
  expect(await count(pool)).toBe(1);
  // Its connection may already belong to another transaction.
  await expect(left[0]!.query('select 1')).rejects.toThrow('the transaction has ended');
});

test('transactions that need another connection never wait for one another', async () => {
  const { url } = await createDatabase();
  const pool = poolOf(url, CONNECTIONS.all);
  const { inTransaction } = transactions(createSequelize(pool, secrets), logger);
  const all = Array.from({ length: CONNECTIONS.all * 2 }, () =>
    inTransaction(async (tx) => {
      await tx.query('select pg_sleep(0.01)');
      return (await pool.query('select 1')).rowCount;
    }),
  );
  expect(await Promise.all(all)).toEqual(all.map(() => 1));
  expect(pool.totalCount).toBeLessThanOrEqual(CONNECTIONS.all);
});

test('a transaction with a lost connection is rolled back as unavailable, one with a statement timeout goes on', async () => {
  const { url } = await createDatabase();
  const pool = poolOf(url);
  const { inTransaction } = transactions(createSequelize(pool, secrets), logger);
  const lost = failureOf(
    inTransaction(async (tx) => {
      await tx.query("update users set name = 'x'");
      await pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'",
      );
      await tx.query('select 1');
    }),
  );
  expect(isUnavailable(await lost)).toBe(true);
  await inTransaction(async (tx) => {
    await tx.query('savepoint before');
    await tx.query("set local statement_timeout = '10ms'");
    expect(isUnavailable(await failureOf(tx.query('select pg_sleep(60)')))).toBe(true);
    await tx.query('rollback to savepoint before');
    await tx.query('select 1');
  });
  expect(pool.totalCount).toBe(pool.idleCount);
});

test('a connection lost before anybody listens to it fails its next statement, not the process', async () => {
  const { url } = await createDatabase();
  const client = new PostgresClient({ databaseUrl: url });
  await client.connect();
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  await poolOf(url).query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  await ended;
  await expect(client.query('select 1')).rejects.toThrow('not queryable');
});
