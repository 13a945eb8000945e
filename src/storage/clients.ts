// raw-sql: a hot path; every token request reads its client.
import type { Pool } from 'pg';
import { Op, UniqueConstraintError } from 'sequelize';
import { Client } from './models/client.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(Client, 'secretCreatedAt');
export type ClientRecord = RecordOf<typeof record>;

export interface Clients {
  /** @returns null when there is one of this id. */
  create(
    client: Pick<ClientRecord, 'id' | 'name' | 'secretHash' | 'metadata'> &
      Partial<Pick<ClientRecord, 'roles'>>,
    tx: Tx,
  ): Promise<ClientRecord | null>;
  find(id: string): Promise<ClientRecord | null>;
  /** By id; `after` is the id of the last one seen. */
  list(options: { limit: number; after?: string }): Promise<ClientRecord[]>;
  /** Replaces what is given. @returns the client, or null when there is none. */
  update(
    id: string,
    changes: Pick<ClientRecord, 'name' | 'metadata'> & Partial<Pick<ClientRecord, 'secretHash'>>,
    tx: Tx,
  ): Promise<ClientRecord | null>;
  /** @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
}

/** Prepared: the client of every token request is read by it. */
const BY_ID = { name: 'clients_by_id', text: `select ${record.columns} from clients where id = $1` };

/** OAuth clients in PostgreSQL. */
export function createClients(pool: Pool): Clients {
  return {
    async create(client, tx) {
      try {
        return record.from(await Client.create(client, { transaction: tx }));
      } catch (error) {
        if (error instanceof UniqueConstraintError) return null;
        throw error;
      }
    },
    async find(id) {
      const { rows } = await pool.query({ ...BY_ID, values: [id] });
      return record.read(rows)[0] ?? null;
    },
    async list({ limit, after }) {
      const clients = await Client.findAll({
        limit,
        order: ['id'],
        where: after === undefined ? {} : { id: { [Op.gt]: after } },
      });
      return clients.map(record.from);
    },
    async update(id, changes, tx) {
      const [, [client]] = await Client.update(changes, {
        where: { id },
        returning: true,
        transaction: tx,
      });
      return client ? record.from(client) : null;
    },
    delete: async (id, tx) => (await Client.destroy({ where: { id }, transaction: tx })) > 0,
  };
}
