import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { sha256 } from '../../core/ids.ts';
import type { Logger } from '../../core/logger.ts';
import { noProgress } from '../../core/progress.ts';
import { StartupError } from '../../core/errors.ts';
import { connectAtStart } from './readiness.ts';

/** Folder of the *.sql files. */
export const MIGRATIONS = path.resolve(import.meta.dirname, '../../../migrations');

/** The applied migrations, each with the SHA-256 of its file at that time. */
const MIGRATIONS_TABLE = `create table if not exists migrations (
  name text primary key, applied_at timestamptz not null default now());
alter table migrations add column if not exists checksum text`;

/** Serializes the migrators of all nodes while the connection lives. */
const LOCK = "(hashtextextended('postern.migrations', 0))";

/** Milliseconds between two attempts to get the lock. */
const LOCK_PAUSE = 200;

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(`select pg_try_advisory_lock${LOCK} as held`);
  return rows[0]?.held === true;
}

interface Applied {
  name: string;
  /** Null when applied by a version without checksums. */
  checksum: string | null;
}

const readMigration = (folder: string, name: string): Promise<string> =>
  readFile(path.join(folder, `${name}.sql`), 'utf8');

/** Independent of the line endings of the checkout. */
const checksumOf = (sql: string): string => sha256(sql.replaceAll('\r\n', '\n'));

/** The applied migrations, in order. */
async function appliedMigrations(client: Client): Promise<Applied[]> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('migrations') is not null as there",
  );
  if (!rows[0]?.there) return [];
  // Databases of older versions lack the column.
  const applied = await client.query<Applied>(
    `select name, to_jsonb(migrations) ->> 'checksum' as checksum from migrations order by applied_at, name`,
  );
  return applied.rows;
}

/**
 * Compares applied migrations with the files.
 * @returns the names of pending files, and the missing checksums of applied ones.
 * @throws StartupError when an applied one has no file, or its file has changed.
 */
async function compare(client: Client, folder: string): Promise<{ pending: string[]; unknown: Applied[] }> {
  const files = await readdir(folder);
  const names = files.filter((file) => file.endsWith('.sql')).map((file) => path.basename(file, '.sql'));
  const applied = await appliedMigrations(client);
  const newer = applied.filter(({ name }) => !names.includes(name)).map(({ name }) => name);
  if (newer.length > 0) {
    throw new StartupError(
      `The database belongs to a newer version of Postern: it has ${newer.sort().join(', ')}, which this version does not know. Run the newer version, or restore a backup from before it.`,
    );
  }
  const unknown: Applied[] = [];
  for (const { name, checksum } of applied) {
    const file = checksumOf(await readMigration(folder, name));
    if (checksum === null) unknown.push({ name, checksum: file });
    else if (checksum !== file) {
      throw new StartupError(
        `The migration ${name} was changed after it had been applied to this database. Restore the file as it was released, and put what was changed into a migration of its own.`,
      );
    }
  }
  const has = new Set(applied.map(({ name }) => name));
  return { pending: names.filter((name) => !has.has(name)).sort(), unknown };
}

/** First line of a migration that builds indexes concurrently, which cannot run in a transaction. */
const NO_TRANSACTION = '-- postern: no transaction\n';

/** Its statements one by one. Each must be safe to repeat, because the process may end between two. */
const statementsOf = (sql: string): string[] =>
  sql
    .replaceAll(/^--.*$/gm, '')
    .split(';')
    .filter((statement) => statement.trim() !== '');

/** Applies one migration and records it in the same transaction, unless it cannot run in one. */
async function apply(client: Client, folder: string, name: string): Promise<void> {
  const sql = (await readMigration(folder, name)).replaceAll('\r\n', '\n');
  const isAlone = sql.startsWith(NO_TRANSACTION);
  try {
    if (isAlone) for (const statement of statementsOf(sql)) await client.query(statement);
    await client.query('begin');
    if (!isAlone) await client.query(sql);
    await client.query('insert into migrations (name, checksum) values ($1, $2)', [name, checksumOf(sql)]);
    await client.query('commit');
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Migrates the database to this version's schema, each migration in its own transaction. When several nodes start
 * together, one migrates and the others wait.
 * @param folder of the *.sql files
 * @returns the names of those applied, oldest first
 * @throws StartupError when PostgreSQL cannot be reached, a migration fails, one that was applied has been changed, or the
 *   database is of a newer version.
 */
export async function migrate(
  databaseUrl: string,
  logger: Logger,
  folder = MIGRATIONS,
  progress = noProgress,
): Promise<string[]> {
  const client = await connectAtStart(databaseUrl, 'postern-migrator');
  try {
    if (!(await tryLock(client))) {
      logger.info('another process is migrating the database; waiting for it');
      // Poll: a waiting statement is a transaction, and `create index concurrently` would wait for it.
      while (!(await tryLock(client))) await sleep(LOCK_PAUSE);
    }
    const { pending, unknown } = await compare(client, folder);
    if (pending.length > 0 || unknown.length > 0) await client.query(MIGRATIONS_TABLE);
    if (pending.length > 0) progress(`Migrating the database, ${pending.length} steps`);
    for (const { name, checksum } of unknown)
      await client.query('update migrations set checksum = $2 where name = $1', [name, checksum]);
    for (const name of pending) {
      await apply(client, folder, name);
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
  await compare(client, folder);
  yield `${MIGRATIONS_TABLE};\n`;
  for (const { name } of await appliedMigrations(client))
    yield `-- ${name}\n${inTransaction(await readMigration(folder, name))}\n`;
}

/**
 * The names of pending migrations, oldest first.
 * @throws StartupError when PostgreSQL cannot be reached, a migration that was applied has been changed, or the database is
 *   of a newer version.
 */
export async function pendingMigrations(databaseUrl: string, folder = MIGRATIONS): Promise<string[]> {
  const client = await connectAtStart(databaseUrl, 'postern-migrator');
  try {
    return (await compare(client, folder)).pending;
  } finally {
    await client.end();
  }
}
