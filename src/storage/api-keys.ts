import type { Pool } from 'pg';
import type { Tx } from './postgres/transaction.ts';

export interface ApiKeyRecord {
  id: string;
  /** The start of the key: enough to tell it from others, too little to use. */
  prefix: string;
  name: string;
  permissions: string[];
  /** Whose key it is; null for one of the operator's. */
  accountId: string | null;
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
}

export interface ApiKeyStore {
  create(
    key: Omit<ApiKeyRecord, 'createdAt' | 'lastUsedAt'> & { hash: string },
    tx: Tx,
  ): Promise<ApiKeyRecord>;
  /** The key with this hash, unless it has expired or its account is not active. */
  findByHash(hash: string, now: number): Promise<ApiKeyRecord | null>;
  /** Every key, or those of an account; newest first. */
  list(accountId?: string): Promise<ApiKeyRecord[]>;
  /** Deletes a key; of that account alone when one is given. @returns the key, or null when there was none. */
  delete(id: string, accountId: string | null, tx: Tx): Promise<ApiKeyRecord | null>;
  /** Deletes every key of the account. @returns how many. */
  deleteOf(accountId: string, tx: Tx): Promise<number>;
  /** Notes that a key was used; at most once a minute each. */
  touch(id: string, at: Date): Promise<void>;
}

const COLUMNS = `k.id, k.prefix, k.name, k.permissions, k.account_id as "accountId", k.created_at as "createdAt",
  k.expires_at as "expiresAt", k.last_used_at as "lastUsedAt"`;

/** API keys in PostgreSQL, found by hash. */
export function createApiKeyStore(pool: Pool): ApiKeyStore {
  return {
    async create({ id, prefix, hash, name, permissions, accountId, expiresAt }, tx) {
      const { rows } = await tx.query<ApiKeyRecord>(
        `insert into api_keys as k (id, prefix, hash, name, permissions, account_id, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7) returning ${COLUMNS}`,
        [id, prefix, hash, name, permissions, accountId, expiresAt],
      );
      return rows[0]!;
    },
    async findByHash(hash, now) {
      const { rows } = await pool.query<ApiKeyRecord>({
        name: 'api_keys_by_hash',
        text: `select ${COLUMNS} from api_keys k left join users u on u.id = k.account_id
          where k.hash = $1 and (k.expires_at is null or k.expires_at > $2) and (k.account_id is null or u.status = 'active')`,
        values: [hash, new Date(now)],
      });
      return rows[0] ?? null;
    },
    async list(accountId) {
      const { rows } = await pool.query<ApiKeyRecord>(
        `select ${COLUMNS} from api_keys k where $1::uuid is null or k.account_id = $1 order by k.created_at desc, k.id`,
        [accountId ?? null],
      );
      return rows;
    },
    async delete(id, accountId, tx) {
      const { rows } = await tx.query<ApiKeyRecord>(
        `delete from api_keys k where id = $1 and ($2::uuid is null or account_id = $2) returning ${COLUMNS}`,
        [id, accountId],
      );
      return rows[0] ?? null;
    },
    async deleteOf(accountId, tx) {
      const { rows } = await tx.query('delete from api_keys where account_id = $1 returning id', [accountId]);
      return rows.length;
    },
    async touch(id, at) {
      await pool.query({
        name: 'api_keys_touch',
        text: `update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')`,
        values: [id, at],
      });
    },
  };
}
