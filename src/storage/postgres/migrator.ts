import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from 'pg';
import type { Logger } from '../../kernel/logger.ts';
import { StartupError } from '../../kernel/startup-error.ts';
import { connectAtStart } from './readiness.ts';

/** The folder of the *.sql files. */
export const MIGRATIONS = path.resolve(import.meta.dirname, '../../../migrations');

/** Where it is written which of them a database has. */
export const MIGRATIONS_TABLE =
  'create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())';

/** Serialises migrators, from whatever node, for as long as the connection lives. */
const LOCK = "(hashtextextended('postern.migrations', 0))";

const nameOf = (file: string): string => path.basename(file, '.sql');

/** The names of the migrations that the database has, in the order in which they were applied. */
async function appliedNames(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass('migrations') is not null as there",
  );
  if (!rows[0]?.there) return [];
  const applied = await client.query<{ name: string }>(
    'select name from migrations order by applied_at, name',
  );
  return applied.rows.map((row) => row.name);
}

async function pendingNames(client: Client, folder: string): Promise<string[]> {
  const files = await readdir(folder);
  const known = files.filter((file) => file.endsWith('.sql')).map(nameOf);
  const applied = await appliedNames(client);
  const unknown = applied.filter((name) => !known.includes(name)).sort();
  if (unknown.length > 0) {
    throw new StartupError(
      `The database belongs to a newer version of Postern: it has ${unknown.join(', ')}, which this version does not know. Run the newer version, or restore a backup from before it.`,
    );
  }
  return known.filter((name) => !applied.includes(name)).sort();
}

async function apply(client: Client, folder: string, logger: Logger): Promise<void> {
  // Takes longer to load than a start on a migrated database may.
  const { Umzug } = await import('umzug');
  const umzug = new Umzug({
    context: client,
    logger: undefined,
    migrations: {
      glob: ['*.sql', { cwd: folder }],
      resolve: ({ name: file }) => ({
        name: nameOf(file),
        // The transaction ends in logMigration: what a migration did, and that it did, are one commit.
        up: async () => {
          const sql = await readFile(path.join(folder, file), 'utf8');
          await client.query('begin');
          await client.query(sql);
        },
      }),
    },
    storage: {
      executed: () => appliedNames(client),
      logMigration: async ({ name }) => {
        await client.query('insert into migrations (name) values ($1)', [name]);
        await client.query('commit');
        logger.info({ migration: name }, 'migrated the database');
      },
      unlogMigration: ({ name }) => Promise.reject(new Error(`${name} cannot be undone`)),
    },
  });
  await umzug.up();
}

/**
 * Brings the database's schema up to this version's, each migration in a transaction of its own. Nodes that start
 * together migrate once: the others wait.
 * @param folder of the *.sql files
 * @returns the names applied, oldest first
 * @throws StartupError when PostgreSQL cannot be reached, a migration fails, or the database is of a newer version.
 */
export async function migrate(databaseUrl: string, logger: Logger, folder = MIGRATIONS): Promise<string[]> {
  const client = await connectAtStart(databaseUrl, 'postern-migrator');
  try {
    const { rows } = await client.query<{ held: boolean }>(`select pg_try_advisory_lock${LOCK} as held`);
    if (!rows[0]?.held) {
      logger.info('another process is migrating the database; waiting for it');
      await client.query(`select pg_advisory_lock${LOCK}`);
    }
    const pending = await pendingNames(client, folder);
    if (pending.length === 0) return [];
    await client.query(MIGRATIONS_TABLE);
    await apply(client, folder, logger);
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

/**
 * What brought the database to where it is, as SQL in pieces, in order.
 * @throws StartupError when the database is of a newer version.
 */
export async function* appliedMigrations(client: Client, folder = MIGRATIONS): AsyncGenerator<string> {
  await pendingNames(client, folder);
  yield `${MIGRATIONS_TABLE};\n`;
  for (const name of await appliedNames(client))
    yield `-- ${name}\n${await readFile(path.join(folder, `${name}.sql`), 'utf8')}\n`;
}

/**
 * The names of migrations that the database lacks, oldest first.
 * @throws StartupError when PostgreSQL cannot be reached, or the database is of a newer version.
 */
export async function pendingMigrations(databaseUrl: string, folder = MIGRATIONS): Promise<string[]> {
  const client = await connectAtStart(databaseUrl, 'postern-migrator');
  try {
    return await pendingNames(client, folder);
  } finally {
    await client.end();
  }
}
