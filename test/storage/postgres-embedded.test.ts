import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { createLogger } from '../../src/core/logger.ts';
import { StartupError } from '../../src/core/errors.ts';
import { accountFor } from '../../src/storage/postgres/embedded-account.ts';
import { findBinaries, findCluster } from '../../src/storage/postgres/embedded-cluster.ts';
import { openEmbedded } from '../../src/storage/postgres/embedded.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';
import { newDataDir, open, outputOnFileSystem, serverPid, spawnUser } from '../support/embedded.ts';
import { execute } from '../support/postgres-server.ts';

const logger = createLogger('silent');

const remains = async (dataDir: string) => (await readdir(dataDir)).filter((name) => name.includes('.init-'));

async function failure(dataDir: string): Promise<Error> {
  const error: unknown = await openEmbedded({ dataDir, logger }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(StartupError);
  return error as Error;
}

test('the embedded PostgreSQL creates a database in an empty DATA_DIR, and finds it again', async () => {
  const dataDir = await newDataDir();
  const first = await open(dataDir);
  expect(first.firstRun).toBe(true);
  await execute(first.databaseUrl, 'create table kept (n integer)');
  await first.close();
  expect(await serverPid(dataDir)).toBeNull();

  const second = await open(dataDir);
  expect(second.firstRun).toBe(false);
  expect(second.databaseUrl).toBe(first.databaseUrl);
  await execute(second.databaseUrl, 'insert into kept values (1)');
  await second.close();

  // A copy belongs to whoever made it, perhaps root, and may be readable by others.
  const copy = path.join(await temporaryFolder(), 'copy');
  await promisify(execFile)('cp', ['-r', dataDir, copy]);
  await chmod(path.join(copy, 'postgres/cluster'), 0o755);
  const third = await open(copy);
  expect(third.firstRun).toBe(false);
  await execute(third.databaseUrl, 'insert into kept values (2)');
  await third.close();
});

test('the embedded PostgreSQL is closed to others: by file permissions and by its password', async () => {
  const dataDir = await newDataDir();
  const { databaseUrl, close } = await open(dataDir).then((it) => ({
    databaseUrl: it.databaseUrl,
    close: () => it.close(),
  }));
  const modes = ['postgres/connection.json', 'postgres/cluster', 'postgres.log'].map((name) =>
    stat(path.join(dataDir, name)),
  );
  expect((await Promise.all(modes)).map(({ mode }) => mode & 0o077)).toEqual([0, 0, 0]);
  const guess = new URL(databaseUrl);
  guess.password = 'guess';
  await expect(execute(guess.href, 'select 1')).rejects.toThrow('password authentication failed');
  await expect(execute(databaseUrl, "copy (select 1) to program 'true'")).rejects.toThrow(
    'permission denied',
  );
  await close();
});

test('the embedded PostgreSQL is shared and stopped by its last user, in any order', async () => {
  const dataDir = await newDataDir();
  const server = await open(dataDir);
  const command = await open(dataDir);
  expect(command.databaseUrl).toBe(server.databaseUrl);
  expect(command.firstRun).toBe(false);
  await server.close();
  await execute(command.databaseUrl, 'select 1');
  const another = await open(dataDir);
  await command.close();
  await execute(another.databaseUrl, 'select 1');
  await another.close();
  expect(await serverPid(dataDir)).toBeNull();
});

test('a new user of the embedded PostgreSQL and its last one don’t conflict', async () => {
  const dataDir = await newDataDir();
  await (await open(dataDir)).close();
  const visit = async () => {
    for (let turn = 0; turn < 8; turn += 1) {
      const embedded = await open(dataDir);
      await execute(embedded.databaseUrl, 'select 1');
      await embedded.close();
    }
  };
  await Promise.all([visit(), visit(), visit()]);
  expect(await serverPid(dataDir)).toBeNull();
});

test('one of several processes that start in parallel on an empty DATA_DIR creates the database', async () => {
  const dataDir = await newDataDir();
  const all = await Promise.all([open(dataDir), open(dataDir), open(dataDir)]);
  expect(all.filter(({ firstRun }) => firstRun)).toHaveLength(1);
  expect(new Set(all.map(({ databaseUrl }) => databaseUrl)).size).toBe(1);
  expect(await remains(dataDir)).toEqual([]);
  for (const one of all) await one.close();
});

test('a start adopts the PostgreSQL of a killed server', async () => {
  const dataDir = await newDataDir();
  const { child, said } = await spawnUser(dataDir);
  const pid = await serverPid(dataDir);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await serverPid(dataDir)).toBe(pid);

  const heir = await open(dataDir);
  expect(heir.databaseUrl).toBe(said['databaseUrl']);
  expect(await serverPid(dataDir)).toBe(pid);
  await heir.claimServer('http://localhost:8000');
  await heir.close();
  expect(await serverPid(dataDir)).toBeNull();
});

test('a start begins again if the creation of the database was interrupted', async () => {
  const dataDir = await newDataDir();
  const interrupted = spawnUser(dataDir).catch(() => undefined);
  while (!(await remains(dataDir).catch(() => []))[0]) await sleep(5);
  const [pid] = /\d+/.exec((await remains(dataDir))[0] ?? '') ?? [];
  process.kill(Number(pid), 'SIGKILL');
  void interrupted;

  const embedded = await open(dataDir);
  expect(embedded.firstRun).toBe(true);
  await embedded.close();
  // The interrupted process may still have been writing; the next start cleans up.
  while ((await remains(dataDir)).length > 0) await (await open(dataDir)).close();
});

test('a second server on the same DATA_DIR is refused and told about the first', async () => {
  const dataDir = await newDataDir();
  const { child, said } = await spawnUser(dataDir);
  expect(said).toHaveProperty('databaseUrl');
  const second = await open(dataDir);
  await expect(second.claimServer('http://localhost:8000')).rejects.toThrow(
    new RegExp(`already running on DATA_DIR ${dataDir} \\(process ${child.pid}, http://localhost:8123\\)`),
  );
  child.stdin?.end();
  await once(child, 'exit');
  await second.claimServer('http://localhost:8000');
  await second.close();
});

test('the embedded PostgreSQL is restarted on its port when it dies', async () => {
  const dataDir = await newDataDir();
  const log: string[] = [];
  const embedded = await openEmbedded({
    dataDir,
    logger: createLogger('info', { write: (line) => void log.push(line) }),
  });
  atEnd(() => embedded.close());
  await embedded.claimServer('http://localhost:8000');
  const pool = createPool(embedded.databaseUrl, { logger, applicationName: 'test' });
  atEnd(() => pool.end());
  await pool.query('create table kept as select 1 as n');
  process.kill((await serverPid(dataDir)) ?? 0, 'SIGKILL');
  const answer = async () => pool.query('select n from kept').catch(() => null);
  while (!(await answer())) await sleep(50);
  while (!log.some((line) => line.includes('is running again'))) await sleep(50);
  const second = await open(dataDir);
  await expect(second.claimServer('http://localhost:8001')).rejects.toThrow('already running');
  await second.close();
  await embedded.close();
  expect(await serverPid(dataDir)).toBeNull();
});

test('the embedded PostgreSQL starts on another port if its port is taken', async () => {
  const dataDir = await newDataDir();
  const before = await open(dataDir);
  await before.close();
  const { port } = new URL(before.databaseUrl);
  const other = createServer().listen(Number(port), '127.0.0.1');
  await once(other, 'listening');
  const after = await open(dataDir);
  expect(new URL(after.databaseUrl).port).not.toBe(port);
  await execute(after.databaseUrl, 'select 1');
  await after.close();
  other.close();
});

test('the embedded PostgreSQL starts even if another program now has its process id', async () => {
  const dataDir = await newDataDir();
  await (await open(dataDir)).close();
  const cluster = await findCluster(dataDir);
  const stranger = cluster?.account.launch('sleep', ['600'], { stdio: 'ignore' });
  atEnd(() => Promise.resolve(stranger?.kill()));
  const pidFile = path.join(dataDir, 'postgres/cluster/postmaster.pid');
  await writeFile(
    pidFile,
    `${stranger?.pid}\n${cluster?.data}\n1700000000\n5432\n\n127.0.0.1\n  1 1\nready   \n`,
  );
  await (await open(dataDir)).close();
  stranger?.kill();
});

test('the embedded PostgreSQL runs below a folder that only its owner may enter', async () => {
  const dataDir = await newDataDir();
  await chmod(path.dirname(dataDir), 0o700);
  await (await open(dataDir)).close();
  const again = await open(dataDir);
  await execute(again.databaseUrl, 'select 1');
  await again.close();
});

test('the embedded PostgreSQL runs with programs in such a folder', async () => {
  const closed = path.join(await temporaryFolder(), 'closed');
  const { postgres } = await findBinaries();
  await cp(path.resolve(postgres, '../..'), path.join(closed, 'native'), { recursive: true });
  const programs = path.join(closed, 'native/bin');
  // First the folder alone, then files created with a strict umask.
  const files = ['initdb', 'postgres'].map((name) => path.join(programs, name));
  for (const shut of [[closed], files]) {
    for (const each of shut) await chmod(each, 0o700);
    const folder = await temporaryFolder();
    const account = await accountFor(folder, path.join(programs, 'postgres'), null);
    const data = path.join(folder, 'cluster');
    await mkdir(data);
    if (account.owner) await chown(data, account.owner.uid, account.owner.gid);
    const child = account.launch(path.join(programs, 'initdb'), ['-D', data, '--no-sync'], {
      stdio: 'ignore',
    });
    expect(await once(child, 'exit')).toEqual([0, null]);
  }
});

test('a DATA_DIR that is a file, or below one, is refused with advice', async () => {
  const file = path.join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  for (const dataDir of [file, path.join(file, 'data')]) {
    expect((await failure(dataDir)).message).toBe(
      `DATA_DIR (${dataDir}) is not a folder. Set DATA_DIR to a folder, or move that file away.`,
    );
  }
});

test('a read-only DATA_DIR is refused with advice', async () => {
  const said = await outputOnFileSystem('ro');
  expect(said).toMatchObject({
    name: 'StartupError',
    message: expect.stringMatching(/read-only file system.*another DATA_DIR/),
  });
});

test.each([
  ['at once', 'size=16k'],
  ['while the database is created', 'size=24m'],
])('a disk that is full %s is reported with advice', async (_when, options) => {
  const said = await outputOnFileSystem(options);
  expect(said).toMatchObject({
    name: 'StartupError',
    message: expect.stringMatching(/full\. Free at least/),
  });
});

test('the files of another PostgreSQL are refused and left alone', async () => {
  const dataDir = await newDataDir();
  await (await open(dataDir)).close();
  const version = path.join(dataDir, 'postgres/cluster/PG_VERSION');
  const ours = await readFile(version, 'utf8');
  await writeFile(version, '12\n');
  expect((await failure(dataDir)).message).toMatch(/holds a database of PostgreSQL 12, which .* cannot read/);
  await writeFile(version, ours);
  await (await open(dataDir)).close();
});

test('a database without its password is refused rather than replaced', async () => {
  const dataDir = await newDataDir();
  await (await open(dataDir)).close();
  await rm(path.join(dataDir, 'postgres/connection.json'));
  expect((await failure(dataDir)).message).toMatch(/is damaged: restore it from a backup/);
  expect(await readdir(path.join(dataDir, 'postgres'))).toEqual(['cluster']);
});
