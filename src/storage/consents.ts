// raw-sql: every authorization request asks (prepared). Conditions of a list for `listing.ts`.
import type { Pool } from 'pg';
import { isUuid } from '../core/ids.ts';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { type Allowed, Consent } from './models/provider-records.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

export type { Allowed } from './models/provider-records.ts';

const record = recordOf(Consent, 'accountId');

export type ConsentRecord = RecordOf<typeof record>;

/** A person with a remembered consent for a client. */
export type Consenter = { id: string; email: string; name: string | null } & ConsentRecord;

export interface Consents {
  find(accountId: string, clientId: string): Promise<Allowed | null>;
  /** Replaces the consent of a person for a client. */
  save(accountId: string, clientId: string, allowed: Allowed, tx: Tx): Promise<void>;
  listOf(accountId: string): Promise<ConsentRecord[]>;
  /** The people who consented to a client. */
  ofClient(clientId: string, request: PageRequest<'created_at', object>): Promise<Page<Consenter>>;
  /** @returns whether there was one. */
  delete(accountId: string, clientId: string, tx: Tx): Promise<boolean>;
}

/** Every authorization request runs it. */
const FIND = {
  name: 'consents_find',
  text: 'select allowed from consents where account_id = $1 and client_id = $2',
};

const OF_CLIENT: Listing<'created_at', { client: string }> = {
  from: 'consents join users on users.id = account_id',
  columns: `users.id, users.email, users.name, ${record.columnsOf('consents')}`,
  sorts: { created_at: { by: 'consents.created_at', type: 'timestamptz' } },
  id: { by: 'account_id', type: 'uuid' },
  filters: {
    client: (value, parameter) => `consents.client_id = ${parameter(value)} and users.status <> 'deleted'`,
  },
};

/** Remembered consents in PostgreSQL. */
export function createConsents(pool: Pool): Consents {
  return {
    async find(accountId, clientId) {
      if (!isUuid(accountId)) return null;
      const { rows } = await pool.query<Pick<ConsentRecord, 'allowed'>>({
        ...FIND,
        values: [accountId, clientId],
      });
      return rows[0]?.allowed ?? null;
    },
    async save(accountId, clientId, allowed, tx) {
      await Consent.upsert({ accountId, clientId, allowed }, { transaction: tx });
    },
    async listOf(accountId) {
      const found = await Consent.findAll({ where: { accountId }, order: ['createdAt'] });
      return found.map(record.from);
    },
    ofClient: (clientId, request) =>
      pageOf<'created_at', { client: string }, Consenter>(pool, OF_CLIENT, {
        ...request,
        filters: { client: clientId },
      }),
    delete: async (accountId, clientId, tx) =>
      (await Consent.destroy({ where: { accountId, clientId }, transaction: tx })) > 0,
  };
}
