import type { Pool, PoolClient } from 'pg';
import { DataTypes, Sequelize } from 'sequelize';
import type { Config } from '../../config/index.ts';
import type { Logger } from '../../core/logger.ts';
import { noProgress } from '../../core/progress.ts';
import type { Secrets } from '../../core/secrets.ts';
import { bindModels } from '../models/index.ts';
import { openEmbedded } from './embedded.ts';
import { borrowConnection, giveBack, joining } from './transaction.ts';

/** Sequelize would load moment and all time zones, some megabytes, to write a date. */
const writeDate = (date: Date | string | number): string => new Date(date).toISOString();

/**
 * Sequelize with every model of this service. It borrows the connections of `pool`, with their settings, timeouts and
 * logging.
 * @param secrets the keys of encrypted columns.
 */
export function createSequelize(pool: Pool, secrets: Secrets): Sequelize {
  Object.assign(DataTypes.DATE.prototype, { _stringify: writeDate });
  const sequelize = new Sequelize({
    dialect: 'postgres',
    logging: false,
    define: { underscored: true, timestamps: true },
  });
  // The documented methods of Sequelize's connection manager. Its own pool stays empty.
  Object.assign(sequelize.connectionManager, {
    getConnection: async () => (await borrowConnection()) ?? (await pool.connect()),
    // Sequelize marks connections whose query timed out.
    releaseConnection(client: PoolClient & { _invalid?: boolean }) {
      if (!giveBack(client)) client.release(client._invalid);
    },
    destroyConnection: async (client: PoolClient) => client.release(true),
  });
  bindModels(sequelize, secrets, joining(pool));
  return sequelize;
}

/** The database of this process. */
export interface Database {
  url: string;
  /** Makes this process the only server on an embedded database. @throws StartupError when there is one. */
  claimServer(publicUrl: string): Promise<void>;
  close(): Promise<void>;
}

/** DATABASE_URL, or the embedded PostgreSQL under DATA_DIR, started if necessary. @throws StartupError. */
export async function openDatabase(
  { databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>,
  logger: Logger,
  progress = noProgress,
): Promise<Database> {
  if (databaseUrl !== undefined)
    return { url: databaseUrl, claimServer: async () => undefined, close: async () => undefined };
  const embedded = await openEmbedded({ dataDir, logger, progress });
  return {
    url: embedded.databaseUrl,
    claimServer: (url) => embedded.claimServer(url),
    close: () => embedded.close(),
  };
}
