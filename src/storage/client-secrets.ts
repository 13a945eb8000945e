// raw-sql: a row lock decides which of two rotations is second, the database's clock which secrets count.
import type { Pool } from 'pg';
import { recordOf, type RecordOf } from './models/define.ts';
import { FormerClientSecret } from './models/former-client-secret.ts';
import type { Tx } from './postgres/transaction.ts';

const former = recordOf(FormerClientSecret, 'clientId');

/** A client secret that counts: the newest, without an end, or one before it. */
export type ClientSecretRecord = Omit<RecordOf<typeof former>, 'expiresAt'> & { expiresAt: Date | null };

export interface ClientSecretStore {
  /** All that count, the newest first. */
  list(clientId: string): Promise<ClientSecretRecord[]>;
  /**
   * Gives a client that has a secret another one. The former ones count for `overlap` seconds more at most; with 0 they
   * end.
   * @returns whether there is such a client.
   */
  replace(clientId: string, hash: string, overlap: number, tx: Tx): Promise<boolean>;
}

/** Of one client, whoever rotates how often. */
const MOST_FORMER = 5;

const LIST = `select secret_hash as hash, coalesce(secret_created_at, created_at) as "createdAt", null as "expiresAt"
    from clients where id = $1 and secret_hash is not null
  union all
  (select ${former.columns} from former_client_secrets
    where client_id = $1 and expires_at > now() order by created_at desc, hash)`;

const KEEP = `insert into former_client_secrets (client_id, hash, created_at, expires_at)
  select id, secret_hash, coalesce(secret_created_at, created_at), now() + $2::float8 * interval '1 second'
  from clients where id = $1`;

const TRIM = `delete from former_client_secrets where client_id = $1 and ($2::float8 = 0 or hash not in (
    select hash from former_client_secrets where client_id = $1 order by created_at desc, hash limit ${MOST_FORMER}))`;

const REPLACE = `update clients set secret_hash = $2, secret_created_at = now(), updated_at = now()
  where id = $1 and secret_hash is not null returning id`;

/** Secrets of clients, by hash, in PostgreSQL; its clock decides which count. */
export function createClientSecrets(pool: Pool): ClientSecretStore {
  return {
    list: async (clientId) => (await pool.query<ClientSecretRecord>(LIST, [clientId])).rows,
    async replace(clientId, hash, overlap, tx) {
      // Of two at once the second finds the first one's secret.
      const { rows } = await tx.query(
        'select id from clients where id = $1 and secret_hash is not null for update',
        [clientId],
      );
      if (rows.length === 0) return false;
      if (overlap > 0) await tx.query(KEEP, [clientId, overlap]);
      await tx.query(TRIM, [clientId, overlap]);
      await tx.query(REPLACE, [clientId, hash]);
      return true;
    },
  };
}
