import type { Pool, PoolClient } from 'pg';
import { Sequelize } from 'sequelize';
import type { Config } from '../../config/index.ts';
import type { Logger } from '../../core/logger.ts';
import { noProgress } from '../../core/progress.ts';
import type { Secrets } from '../../core/secrets.ts';
import { bindModels } from '../models/index.ts';
import { openEmbedded } from './embedded.ts';
import { borrowConnection, giveBack } from './transaction.ts';

/**
 * Sequelize with every model of this service. It has no connections of its own: those of `pool` are lent to it, with all
 * that is promised of them (settings, timeouts, losses in the log).
 * @param secrets the keys of encrypted columns.
 */
export function createSequelize(pool: Pool, secrets: Secrets): Sequelize {
  const sequelize = new Sequelize({
    dialect: 'postgres',
    logging: false,
    define: { underscored: true, timestamps: true },
  });
  // What Sequelize documents of its manager; its own pool behind it stays empty.
  Object.assign(sequelize.connectionManager, {
    getConnection: async () => (await borrowConnection()) ?? (await pool.connect()),
    // Sequelize marks one on which an answer did not come in time.
    releaseConnection(client: PoolClient & { _invalid?: boolean }) {
      if (!giveBack(client)) client.release(client._invalid);
    },
    destroyConnection: async (client: PoolClient) => client.release(true),
  });
  bindModels(sequelize, secrets);
  return sequelize;
}

/** The database that this process works on. */
export interface Database {
  url: string;
  /** Makes this process the only server on an embedded database. @throws StartupError when there is one. */
  claimServer(publicUrl: string): Promise<void>;
  close(): Promise<void>;
}

/** DATABASE_URL, or the embedded PostgreSQL under DATA_DIR, started when it does not run yet. @throws StartupError. */
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
