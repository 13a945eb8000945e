import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { Client } from 'pg';
import { createLogger } from '../../src/core/logger.ts';
import { StartupError } from '../../src/core/errors.ts';
import { migrate, pendingMigrations } from '../../src/storage/postgres/migrator.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const logger = createLogger('silent');

const empty = async () => (await createDatabase({ template: 'template1' })).url;

async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'migrations');
  await mkdir(folder);
  for (const [name, sql] of Object.entries(files)) await writeFile(path.join(folder, name), sql);
  return folder;
}

async function rows<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

test('migrations bring an empty database up to date, then find nothing to do', async () => {
  const url = await empty();
  const pending = await pendingMigrations(url);
  expect(pending).toContain('0001-foundation');
  expect(await migrate(url, logger)).toEqual(pending);
  expect(await pendingMigrations(url)).toEqual([]);
  expect(await migrate(url, logger)).toEqual([]);
  expect(await rows(url, 'select id from users')).toEqual([]);
});

test('one of five nodes that start in parallel migrates', async () => {
  const url = await empty();
  // Slow enough that all five arrive before the first one is done, and it fails if it runs twice.
  const folder = await folderOf({ '0001-slow.sql': 'select pg_sleep(0.3); create table once (n integer);' });
  const results = await Promise.all(Array.from({ length: 5 }, () => migrate(url, logger, folder)));
  expect(results.filter((names) => names.length > 0)).toEqual([['0001-slow']]);
});

test('the database of a newer version is refused, naming the unknown migrations, and left alone', async () => {
  const url = await empty();
  const newer = { '0001-a.sql': 'create table a (n integer)', '0009-new.sql': 'create table b (n integer)' };
  await migrate(url, logger, await folderOf(newer));
  const older = await folderOf({
    '0001-a.sql': newer['0001-a.sql'],
    '0002-c.sql': 'create table c (n integer)',
  });
  const refusal = await migrate(url, logger, older).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(StartupError);
  expect((refusal as Error).message).toMatch(/newer version.*0009-new/);
  await expect(pendingMigrations(url, older)).rejects.toThrow('0009-new');
  expect(await rows(url, "select to_regclass('c') as found")).toEqual([{ found: null }]);
});

const FIRST = { '0001-a.sql': 'create table a (n integer)' };
const EXPANSION = { '0900-wider.sql': 'alter table a add column m integer' };

test('a node accepts a newer version’s additions, and refuses the database once what it uses was removed', async () => {
  const url = await empty();
  const older = await folderOf(FIRST);
  const between = await folderOf({ ...FIRST, ...EXPANSION });
  await migrate(url, logger, between);
  expect(await migrate(url, logger, older)).toEqual([]);
  expect(await pendingMigrations(url, older)).toEqual([]);
  // The first version that supports rolling upgrades reads only this table.
  expect(await rows(url, 'select name from migrations')).toEqual([{ name: '0001-a' }]);

  const contraction = '-- postern: contract after 0900-wider\nalter table a drop column n';
  await migrate(url, logger, await folderOf({ ...FIRST, ...EXPANSION, '0901-narrower.sql': contraction }));
  expect(await migrate(url, logger, between)).toEqual([]);
  await expect(migrate(url, logger, older)).rejects.toThrow(/newer version.*0901-narrower/);
  expect(await rows(url, 'select name from migrations order by name')).toEqual([
    { name: '0001-a' },
    { name: '0901-narrower' },
  ]);
});

test('a migration waits for a table in use without blocking others for long', async () => {
  const url = await empty();
  await migrate(url, logger, await folderOf(FIRST));
  const holder = new Client({ connectionString: url });
  await holder.connect();
  await holder.query('begin');
  await holder.query('select * from a');
  const migrated = migrate(url, logger, await folderOf({ ...FIRST, ...EXPANSION }));
  const waiting =
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
  await until(async () => (await rows(url, waiting)).length > 0);
  // It is answered once the migration has stopped waiting, though the other transaction still runs.
  expect(await rows(url, 'select * from a')).toEqual([]);
  await holder.query('commit');
  await holder.end();
  expect(await migrated).toEqual(['0900-wider']);
});

test('a migration that changed after it was applied is refused by name, whatever its line endings', async () => {
  const url = await empty();
  const first = 'create table a (n integer);\nselect 1;\n';
  await migrate(url, logger, await folderOf({ '0001-a.sql': first }));
  const elsewhere = await folderOf({ '0001-a.sql': first.replaceAll('\n', '\r\n') });
  expect(await migrate(url, logger, elsewhere)).toEqual([]);
  const changed = await folderOf({ '0001-a.sql': `${first}-- more`, '0002-b.sql': 'select 2' });
  await expect(migrate(url, logger, changed)).rejects.toThrow(/0001-a was changed after/);
  await expect(pendingMigrations(url, changed)).rejects.toThrow(StartupError);
  expect(await rows(url, 'select name from migrations')).toEqual([{ name: '0001-a' }]);
});

test('missing checksums from an earlier version are added', async () => {
  const url = await empty();
  const folder = await folderOf({ '0001-a.sql': 'create table a (n integer)' });
  await migrate(url, logger, folder);
  await rows(url, 'alter table migrations drop column checksum');
  expect(await pendingMigrations(url, folder)).toEqual([]);
  expect(await migrate(url, logger, folder)).toEqual([]);
  await expect(
    migrate(url, logger, await folderOf({ '0001-a.sql': 'create table b (n integer)' })),
  ).rejects.toThrow('0001-a was changed');
});

test('nothing is left of a migration that fails half-way, but everything before it', async () => {
  const url = await empty();
  const good = { '0001-good.sql': 'create table good (n integer)' };
  const broken = await folderOf({ ...good, '0002-bad.sql': 'create table half (n integer); select 1 / 0;' });
  await expect(migrate(url, logger, broken)).rejects.toThrow(
    /could not be migrated.*0002-bad.*division by zero/s,
  );
  expect(await rows(url, "select to_regclass('half') as found")).toEqual([{ found: null }]);
  expect(await rows(url, 'select name from migrations')).toEqual([{ name: '0001-good' }]);
  const mended = await folderOf({ ...good, '0002-bad.sql': 'create table half (n integer);' });
  expect(await migrate(url, logger, mended)).toEqual(['0002-bad']);
});

test('an unreachable PostgreSQL is reported with its address and advice, but never the password', async () => {
  const refusal = await migrate('postgres://someone:hunter2@127.0.0.1:1/nowhere', logger).catch(
    (error: unknown) => error,
  );
  expect(refusal).toBeInstanceOf(StartupError);
  expect((refusal as Error).message).toMatch(/127\.0\.0\.1:1\/nowhere.*DATABASE_URL/);
  expect((refusal as Error).message).not.toContain('hunter2');
});
