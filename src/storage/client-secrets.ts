// raw-sql: a row lock orders concurrent rotations; the database's clock decides which secrets are valid.
import type { Pool } from 'pg';
import { recordOf, type RecordOf } from './models/define.ts';
import { FormerClientSecret } from './models/clients.ts';
import type { Tx } from './postgres/transaction.ts';

const former = recordOf(FormerClientSecret, 'clientId');

/** A valid client secret: the newest, or a former one that has not ended. */
export type ClientSecretRecord = Omit<RecordOf<typeof former>, 'expiresAt'> & { expiresAt: Date | null };

export interface ClientSecretStore {
  /** All valid secrets, newest first. */
  list(clientId: string): Promise<ClientSecretRecord[]>;
  /** Clients whose newest secret ends before a moment, or ended within the last week, soonest first. */
  expiring(before: Date, limit: number): Promise<{ id: string; name: string; expiresAt: Date }[]>;
  /**
   * Adds a secret to a client that has one, valid for `lifetime` seconds, or without an end when null. Earlier secrets stay
   * valid for at most `overlap` more seconds; with 0 they end.
   * @returns the new one; null when there is no such client.
   */
  replace(
    clientId: string,
    hash: string,
    times: { overlap: number; lifetime: number | null },
    tx: Tx,
  ): Promise<ClientSecretRecord | null>;
  /**
   * Ends one of several secrets. If it is the newest, the one before it takes its place.
   * @returns whether it was valid; `last` for the only valid one, which stays.
   */
  remove(clientId: string, hash: string, tx: Tx): Promise<boolean | 'last'>;
}

/** Maximum per client. */
const MAX_FORMER = 5;

const LIST = `select secret_hash as hash, coalesce(secret_created_at, created_at) as "createdAt",
      secret_expires_at as "expiresAt"
    from clients where id = $1 and secret_hash is not null and (secret_expires_at is null or secret_expires_at > now())
  union all
  (select ${former.columns} from former_client_secrets
    where client_id = $1 and expires_at > now() order by created_at desc, hash)`;

const EXPIRING = `select id, name, secret_expires_at as "expiresAt" from clients
  where enabled and secret_expires_at < $1 and secret_expires_at > now() - interval '7 days'
  order by secret_expires_at, id limit $2`;

const KEEP = `insert into former_client_secrets (client_id, hash, created_at, expires_at)
  select id, secret_hash, coalesce(secret_created_at, created_at),
    least(secret_expires_at, now() + $2::float8 * interval '1 second')
  from clients where id = $1 and (secret_expires_at is null or secret_expires_at > now())`;

const TRIM = `delete from former_client_secrets where client_id = $1 and ($2::float8 = 0 or hash not in (
    select hash from former_client_secrets where client_id = $1 order by created_at desc, hash limit ${MAX_FORMER}))`;

const REPLACE = `update clients set secret_hash = $2, secret_created_at = now(), updated_at = now(),
    secret_expires_at = now() + $3::float8 * interval '1 second'
  where id = $1 returning secret_hash as hash, secret_created_at as "createdAt", secret_expires_at as "expiresAt"`;

const REMOVE = 'delete from former_client_secrets where client_id = $1 and hash = $2';

/** Promotes the second newest to newest. */
const PROMOTE = `with taken as (
    delete from former_client_secrets where client_id = $1 and hash = $2 returning created_at, expires_at
  )
  update clients set secret_hash = $2, secret_created_at = taken.created_at, secret_expires_at = taken.expires_at,
    updated_at = now()
  from taken where id = $1`;

const LOCK = 'select secret_hash as hash from clients where id = $1 and secret_hash is not null for update';

/** Hashed client secrets in PostgreSQL. The database's clock decides which are valid. */
export function createClientSecrets(pool: Pool): ClientSecretStore {
  return {
    list: async (clientId) => (await pool.query<ClientSecretRecord>(LIST, [clientId])).rows,
    expiring: async (before, limit) =>
      (await pool.query<{ id: string; name: string; expiresAt: Date }>(EXPIRING, [before, limit])).rows,
    async replace(clientId, hash, { overlap, lifetime }, tx) {
      // The second of two concurrent rotations sees the first one's secret.
      const { rows } = await tx.query(LOCK, [clientId]);
      if (rows.length === 0) return null;
      if (overlap > 0) await tx.query(KEEP, [clientId, overlap]);
      await tx.query(TRIM, [clientId, overlap]);
      const { rows: made } = await tx.query<ClientSecretRecord>(REPLACE, [clientId, hash, lifetime]);
      return made[0]!;
    },
    async remove(clientId, hash, tx) {
      const { rows: locked } = await tx.query<{ hash: string }>(LOCK, [clientId]);
      const { rows: all } = await tx.query<ClientSecretRecord>(LIST, [clientId]);
      if (!all.some((one) => one.hash === hash)) return false;
      const next = all.find((one) => one.hash !== hash);
      if (!next) return 'last';
      if (locked[0]?.hash === hash) await tx.query(PROMOTE, [clientId, next.hash]);
      else await tx.query(REMOVE, [clientId, hash]);
      return true;
    },
  };
}
