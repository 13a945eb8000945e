import { Sequelize } from 'sequelize';
import type { Secrets } from '../../core/secrets.ts';
import { bindModels } from '../models/index.ts';
import { withSettings } from './settings.ts';

/** Sequelize over `databaseUrl`, with every model of this service. `max` connections at most. */
export function createSequelize(databaseUrl: string, max: number, secrets: Secrets): Sequelize {
  const { connectionString, options } = withSettings(databaseUrl);
  const sequelize = new Sequelize(connectionString, {
    dialect: 'postgres',
    logging: false,
    pool: { max, min: 0, idle: 30_000, acquire: 5_000 },
    dialectOptions: {
      application_name: 'postern-models',
      options,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    },
    define: { underscored: true, timestamps: true },
  });
  bindModels(sequelize, secrets);
  return sequelize;
}
