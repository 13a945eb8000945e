import type { Sequelize } from 'sequelize';
import { initApi } from './api.ts';
import { initAuditEvent } from './audit-event.ts';
import { initClient } from './client.ts';
import { initSigningKey } from './signing-key.ts';
import { initUser } from './user.ts';

/** Binds every model to `sequelize`: once a process. */
export function initModels(sequelize: Sequelize): void {
  for (const init of [initUser, initClient, initApi, initSigningKey, initAuditEvent]) init(sequelize);
}
