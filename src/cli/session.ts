import path from 'node:path';
import { type Config, ConfigError, loadConfig } from '../config/index.ts';
import { resolveSecretsKey } from '../config/secrets-key.ts';
import type { Administration } from '../container/administration.ts';
import type { Core } from '../container/core.ts';
import type { Logger } from '../core/logger.ts';
import { StartupError } from '../core/errors.ts';
import { hasCluster } from '../storage/postgres/embedded-cluster.ts';
import { commandLog } from './command-log.ts';
import { migrate, pendingMigrations } from '../storage/postgres/migrator.ts';
import { type Database, openDatabase } from '../storage/postgres/open.ts';

/** Where `npm start` keeps the data. */
const OWN_DATA = path.resolve(import.meta.dirname, '../../.data');

/**
 * Refuse to create an empty database in an arbitrary folder and report on that.
 * @throws StartupError when DATA_DIR is not set and no server was started in this folder.
 */
async function checkPlace({ databaseUrl, dataDir, isDataDirNamed }: Config): Promise<void> {
  if (databaseUrl !== undefined || isDataDirNamed || dataDir === OWN_DATA) return;
  if (await hasCluster(dataDir)) return;
  throw new StartupError(
    `No server was started in this folder: ${dataDir} does not exist. Set DATA_DIR to that of the server, or DATABASE_URL and SECRETS_KEY. After "npm start" in Postern's own folder, use DATA_DIR=${OWN_DATA}`,
  );
}

/**
 * Opens the database for `work`, with or without a running server.
 * @throws StartupError, or ConfigError.
 */
export async function withDatabase<T>(
  work: (database: Database, config: Config, logger: Logger) => Promise<T>,
): Promise<T> {
  const config = loadConfig();
  await checkPlace(config);
  const logger = commandLog();
  const database = await openDatabase(config, logger);
  try {
    return await work(database, config, logger);
  } finally {
    await database.close();
  }
}

/** Whether the database exists. Does not create it. */
export async function isDatabaseHere(): Promise<boolean> {
  try {
    const { databaseUrl, dataDir } = loadConfig();
    return databaseUrl !== undefined || (await hasCluster(dataDir));
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

async function bringUpToDate(database: Database, config: Config, logger: Logger): Promise<void> {
  const pending = await pendingMigrations(database.url);
  if (pending.length === 0) return;
  // Migrate only the embedded database: the owner of an external one decides when its schema changes.
  if (config.databaseUrl === undefined) await migrate(database.url, logger);
  else
    throw new StartupError(`The database lacks the migrations ${pending.join(', ')}. Run: postern migrate`);
}

/** The services that commands use: the core and administration. */
export type Operator = Core & Administration;

/** Opens the core for `work` on a migrated database. */
export function withCore<T>(work: (operator: Operator, config: Config) => Promise<T>): Promise<T> {
  return withDatabase(async (database, config, logger) => {
    await bringUpToDate(database, config, logger);
    const secretsKey = await resolveSecretsKey(config);
    const [{ createCore }, { createAdministration }] = await Promise.all([
      import('../container/core.ts'),
      import('../container/administration.ts'),
    ]);
    const core = await createCore(config, { databaseUrl: database.url, secretsKey, logger });
    try {
      await core.settings.load();
      return await work({ ...core, ...createAdministration(core) }, config);
    } finally {
      await core.close();
    }
  });
}
