import type { Pool, PoolClient } from 'pg';
import { Sequelize } from 'sequelize';
import type { Secrets } from '../../core/secrets.ts';
import { bindModels } from '../models/index.ts';
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
