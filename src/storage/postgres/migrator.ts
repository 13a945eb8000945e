import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { sha256 } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import { noProgress } from '../../core/progress.ts';
import { StartupError } from '../../core/errors.ts';
import type { Coordination } from './locks.ts';
import { connectAtStart } from './readiness.ts';

/** Folder of the *.sql files. */
export const MIGRATIONS = path.resolve(import.meta.dirname, '../../../migrations');

/**
 * The applied migrations, each with the SHA-256 of its file at that time, in two tables. An unknown one in `migrations` keeps a
 * version from starting, unless it knows the one in `needs`. An unknown one in `expansions` does not: earlier versions run
 * beside it.
 */
const MIGRATIONS_TABLES = `create table if not exists migrations (
  name text primary key, applied_at timestamptz not null default now());
alter table migrations add column if not exists checksum text, add column if not exists needs text;
create table if not exists expansions (
  name text primary key, applied_at timestamptz not null default now(), checksum text not null)`;

/** The newest migration of the first version beside which others run. It knows no expansions. */
export const BASELINE = '0141-client-documents';

/** Serializes the migrators of all nodes while the connection lives. */
const LOCK = "(hashtextextended('postern.migrations', 0))";

/** Milliseconds between two attempts to get the lock. */
const LOCK_PAUSE = 200;

/** The same by a row, where there are no advisory locks; held until the transaction ends. */
const LOCK_TABLE = `create table if not exists migrators (one integer primary key);
insert into migrators values (1) on conflict do nothing`;

/** SQLSTATEs of two connections that create the table at once. */
const SAME_TABLE = new Set(['23505', '42P07']);

async function tryLockRow(client: Client): Promise<boolean> {
  try {
    await client.query(LOCK_TABLE);
  } catch (error) {
    if (SAME_TABLE.has((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
  await client.query('begin');
  const { rows } = await client.query('select one from migrators for update skip locked');
  if (rows.length === 0) await client.query('rollback');
  return rows.length > 0;
}

async function tryLock(client: Client, coordination: Coordination): Promise<boolean> {
  if (coordination === 'tables') return tryLockRow(client);
  const { rows } = await client.query<{ held: boolean }>(`select pg_try_advisory_lock${LOCK} as held`);
  return rows[0]?.held === true;
}

interface Applied {
  name: string;
  /** Null when applied by a version without checksums. */
  checksum: string | null;
  isExpansion: boolean;
  /** Versions that know this one can do without what a contraction removed. */
  needs: string | null;
}

interface Comparison {
  /** Names of migrations that are still to be applied. */
  pending: string[];
  /** Checksums of applied ones that the database lacks. */
  unknown: Pick<Applied, 'name' | 'checksum'>[];
  /** Names of applied ones that a newer version brought, and that this version runs beside. */
  newer: string[];
}

// Synchronous: nothing else runs yet, and awaiting each of nearly two hundred small files costs more than reading it.
const readMigration = (folder: string, name: string): string =>
  readFileSync(path.join(folder, `${name}.sql`), 'utf8');

/** Independent of the line endings of the checkout. */
const checksumOf = (sql: string): string => sha256(sql.replaceAll('\r\n', '\n'));

/** The applied migrations, in order. Databases of older versions lack a table and columns. */
async function appliedMigrations(client: Client): Promise<Applied[]> {
  const { rows } = await client.query<{ migrations: boolean; expansions: boolean }>(
    `select to_regclass('migrations') is not null as migrations, to_regclass('expansions') is not null as expansions`,
  );
  const select = (table: 'migrations' | 'expansions') =>
    `select name, applied_at, to_jsonb(${table}) ->> 'checksum' as checksum, to_jsonb(${table}) ->> 'needs' as needs,
       ${table === 'expansions'} as "isExpansion" from ${table}`;
  const tables = (['migrations', 'expansions'] as const).filter((table) => rows[0]?.[table]);
  if (tables.length === 0) return [];
  const applied = await client.query<Applied>(
    `${tables.map(select).join(' union all ')} order by applied_at, name`,
  );
  return applied.rows;
}

/**
 * Compares applied migrations with the files.
 * @throws StartupError when the file of an applied one has changed, or is missing and this version cannot run beside it.
 */
async function compare(client: Client, folder: string): Promise<Comparison> {
  const files = await readdir(folder);
  const names = files.filter((file) => file.endsWith('.sql')).map((file) => path.basename(file, '.sql'));
  const known = new Set(names);
  const applied = await appliedMigrations(client);
  const foreign = applied.filter(({ name }) => !known.has(name));
  const breaking = foreign.filter(
    ({ isExpansion, needs }) => !isExpansion && (needs === null || !known.has(needs)),
  );
  if (breaking.length > 0) {
    const list = breaking.map(({ name }) => name).toSorted();
    throw new StartupError(
      `The database belongs to a newer version of Postern: it has ${list.join(', ')}, which this version does not know. Run the newer version, or restore a backup from before it.`,
    );
  }
  const unknown: Comparison['unknown'] = [];
  for (const { name, checksum } of applied.filter((one) => known.has(one.name))) {
    const file = checksumOf(readMigration(folder, name));
    if (checksum === null) unknown.push({ name, checksum: file });
    else if (checksum !== file) {
      throw new StartupError(
        `The migration ${name} was changed after it had been applied to this database. Restore the released file, and put the change into a new migration.`,
      );
    }
  }
  const has = new Set(applied.map(({ name }) => name));
  return {
    pending: names.filter((name) => !has.has(name)).sort(),
    unknown,
    newer: foreign.map(({ name }) => name).toSorted(),
  };
}

/** First line of a migration that builds indexes concurrently, which cannot run in a transaction. */
const NO_TRANSACTION = '-- postern: no transaction\n';

/** Its statements one by one. Each must be safe to repeat, because the process may end between two. */
const statementsOf = (sql: string): string[] =>
  sql
    .replaceAll(/^--.*$/gm, '')
    .split(';')
    .filter((statement) => statement.trim() !== '');

/** Marks a migration that removes what versions before the named migration use. */
const CONTRACTION = /^-- postern: contract after (\S+)$/m;

/** Records a migration where the versions that cannot run beside it look. */
async function record(client: Client, name: string, sql: string): Promise<void> {
  const needs = CONTRACTION.exec(sql)?.[1] ?? null;
  const checksum = checksumOf(sql);
  if (needs === null && name > BASELINE)
    await client.query('insert into expansions (name, checksum) values ($1, $2)', [name, checksum]);
  else
    await client.query('insert into migrations (name, checksum, needs) values ($1, $2, $3)', [
      name,
      checksum,
      needs,
    ]);
}

/**
 * How long a migration waits for a lock. Everything that uses the table queues behind it meanwhile. It is retried, so that a
 * long transaction delays only the migration.
 */
const LOCK_TIMEOUT = '2s';
/** Milliseconds between two attempts. */
const RETRY_PAUSE = 1000;
const TRIES = 100;
/** SQLSTATEs of a lock timeout and of a deadlock. */
const LOCKED = new Set(['55P03', '40P01']);

/** Applies one migration and records it in the same transaction, unless it cannot run in one. */
async function apply(client: Client, folder: string, name: string, logger: Logger): Promise<void> {
  const sql = readMigration(folder, name).replaceAll('\r\n', '\n');
  const isAlone = sql.startsWith(NO_TRANSACTION);
  for (let tries = 1; ; tries += 1) {
    try {
      if (isAlone) for (const statement of statementsOf(sql)) await client.query(statement);
      await client.query('begin');
      await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
      if (!isAlone) await client.query(sql);
      await record(client, name, sql);
      await client.query('commit');
      return;
    } catch (error) {
      const { code = '', message } = error as Error & { code?: string };
      if (!LOCKED.has(code) || tries === TRIES) throw new Error(`${name}: ${message}`, { cause: error });
      await client.query('rollback');
      logger.warn({ migration: name }, 'a table that the migration changes is in use; trying again');
      await sleep(RETRY_PAUSE);
    }
  }
}

/**
 * Migrates the database to this version's schema, each migration in its own transaction. When several nodes start together, one
 * migrates and the others wait.
 * @param folder of the *.sql files
 * @returns the names of those applied, oldest first
 * @throws StartupError when PostgreSQL cannot be reached, a migration fails, an applied one has changed, or the database is of a
 *   newer version that this one cannot run beside.
 */
export async function migrate(
  databaseUrl: string,
  logger: Logger,
  folder = MIGRATIONS,
  progress = noProgress,
  coordination: Coordination = 'session',
): Promise<string[]> {
  const client = await connectAtStart(databaseUrl, 'postern-migrator');
  // A row is held by a transaction, which migrations would end.
  const holder = coordination === 'tables' ? await connectAtStart(databaseUrl, 'postern-migrator') : client;
  try {
    if (!(await tryLock(holder, coordination))) {
      logger.info('another process is migrating the database; waiting for it');
      // Poll: a waiting statement is a transaction, and `create index concurrently` would wait for it.
      while (!(await tryLock(holder, coordination))) await sleep(LOCK_PAUSE);
    }
    const { pending, unknown, newer } = await compare(client, folder);
    if (newer.length > 0) logger.info({ migrations: newer }, 'a newer version has migrated the database');
    if (pending.length > 0 || unknown.length > 0) await client.query(MIGRATIONS_TABLES);
    if (pending.length > 0) progress(`Migrating the database (${pending.length} steps)`);
    for (const { name, checksum } of unknown)
      await client.query('update migrations set checksum = $2 where name = $1', [name, checksum]);
    for (const name of pending) {
      await apply(client, folder, name, logger);
      logger.info({ migration: name }, 'migrated the database');
    }
    return pending;
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`The database could not be migrated: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    await client.end();
    if (holder !== client) await holder.end();
  }
}

/** The same for a transaction: nobody else uses a database that is being loaded. */
const inTransaction = (sql: string): string =>
  sql.startsWith(NO_TRANSACTION) ? sql.replaceAll(' concurrently ', ' ') : sql;

/**
 * All applied migrations as SQL, in order.
 * @throws StartupError when the database is of a newer version.
 */
export async function* migrationsAsSql(client: Client, folder = MIGRATIONS): AsyncGenerator<string> {
  const { newer } = await compare(client, folder);
  if (newer.length > 0)
    throw new StartupError(
      `A newer version of Postern has migrated the database (${newer.join(', ')}): only that version can dump it.`,
    );
  yield `${MIGRATIONS_TABLES};\n`;
  for (const { name } of await appliedMigrations(client))
    yield `-- ${name}\n${inTransaction(readMigration(folder, name))}\n`;
}

/**
 * The names of pending migrations, oldest first.
 * @throws StartupError when PostgreSQL cannot be reached, an applied migration has changed, or the database is of a newer
 *   version.
 */
export async function pendingMigrations(databaseUrl: string, folder = MIGRATIONS): Promise<string[]> {
  const client = await connectAtStart(databaseUrl, 'postern-migrator');
  try {
    return (await compare(client, folder)).pending;
  } finally {
    await client.end();
  }
}
