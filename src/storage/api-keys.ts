// raw-sql: every request with a key reads it (prepared); a deletion decides who gets the key; conditions of a list for `listing.ts`.
import type { Pool } from 'pg';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { ApiKey } from './models/contracts.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(ApiKey, 'hash');

export type ApiKeyRecord = RecordOf<typeof record>;

export interface ApiKeyFilters {
  /** Keys of an account. */
  account?: string | undefined;
  /** Keys of programs or keys of accounts. */
  kind?: 'program' | 'account' | undefined;
}

export interface ApiKeyStore {
  create(
    key: Omit<ApiKeyRecord, 'createdAt' | 'lastUsedAt'> & { hash: string },
    tx: Tx,
  ): Promise<ApiKeyRecord>;
  /** The key with this hash. Null when it has expired or its account is not active. */
  findByHash(hash: string, now: number): Promise<ApiKeyRecord | null>;
  /** All keys, or those of one account, newest first. */
  list(accountId?: string): Promise<ApiKeyRecord[]>;
  page(request: PageRequest<'created_at', ApiKeyFilters>): Promise<Page<ApiKeyRecord>>;
  find(id: string): Promise<ApiKeyRecord | null>;
  /** The same, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<ApiKeyRecord | null>;
  update(
    id: string,
    changes: {
      name?: string | undefined;
      permissions?: string[] | undefined;
      expiresAt?: Date | null | undefined;
    },
    tx: Tx,
  ): Promise<ApiKeyRecord>;
  /** Deletes a key, of that account only if one is given. @returns the key, or null when there was none. */
  delete(id: string, accountId: string | null, tx: Tx): Promise<ApiKeyRecord | null>;
  /** Deletes every key of the account. @returns how many. */
  deleteOf(accountId: string, tx: Tx): Promise<number>;
  /** Records a key's use, at most once a minute. */
  touch(id: string, at: Date): Promise<void>;
}

const LIST: Listing<'created_at', ApiKeyFilters> = {
  from: 'api_keys',
  columns: record.columns,
  sorts: { created_at: { by: 'created_at', type: 'timestamptz' } },
  id: { by: 'id', type: 'uuid' },
  filters: {
    account: (value, parameter) => `account_id = ${parameter(value)}`,
    kind: (value) => `account_id is ${value === 'program' ? '' : 'not '}null`,
  },
};

/** Every request with a key runs it. */
const FIND_BY_HASH = {
  name: 'api_keys_by_hash',
  text: `select ${record.columnsOf('k')} from api_keys k left join users u on u.id = k.account_id
    where k.hash = $1 and (k.expires_at is null or k.expires_at > $2)
      and (k.account_id is null or u.status = 'active')`,
};
const TOUCH = {
  name: 'api_keys_touch',
  text: `update api_keys set last_used_at = $2
    where id = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')`,
};

/** One statement: one of parallel attempts gets it. */
const DELETE = `delete from api_keys where id = $1 and ($2::uuid is null or account_id = $2)
  returning ${record.columns}`;

/** API keys in PostgreSQL, found by hash. */
export function createApiKeyStore(pool: Pool): ApiKeyStore {
  return {
    create: async (key, tx) => record.from(await ApiKey.create(key, { transaction: tx })),
    async findByHash(hash, now) {
      const { rows } = await pool.query<object>({ ...FIND_BY_HASH, values: [hash, new Date(now)] });
      return record.read(rows)[0] ?? null;
    },
    async list(accountId) {
      const found = await ApiKey.findAll({
        where: accountId === undefined ? {} : { accountId },
        order: [['createdAt', 'DESC'], 'id'],
      });
      return found.map(record.from);
    },
    page: (request) => pageOf(pool, LIST, request),
    async find(id) {
      const key = await ApiKey.findByPk(id);
      return key && record.from(key);
    },
    async lock(id, tx) {
      const key = await ApiKey.findByPk(id, { transaction: tx, lock: tx.LOCK.UPDATE });
      return key && record.from(key);
    },
    async update(id, changes, tx) {
      const key = await ApiKey.findByPk(id, { transaction: tx, rejectOnEmpty: true });
      const defined = Object.entries(changes).filter(([, value]) => value !== undefined);
      return record.from(await key.update(Object.fromEntries(defined), { transaction: tx }));
    },
    async delete(id, accountId, tx) {
      const { rows } = await tx.query<object>(DELETE, [id, accountId]);
      return record.read(rows)[0] ?? null;
    },
    deleteOf: (accountId, tx) => ApiKey.destroy({ where: { accountId }, transaction: tx }),
    async touch(id, at) {
      await pool.query({ ...TOUCH, values: [id, at] });
    },
  };
}
