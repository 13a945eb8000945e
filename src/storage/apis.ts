// raw-sql: conditions of a list for `listing.ts`; one statement finds who refers to an API in two tables.
import type { Pool } from 'pg';
import { UniqueConstraintError } from 'sequelize';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { Api } from './models/clients.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(Api);
export type ApiRecord = RecordOf<typeof record>;

/** The settings of an API. */
export type ApiContent = Omit<ApiRecord, 'version' | 'createdAt' | 'updatedAt'>;

export interface ApiFilters {
  /** A substring of the identifier or the name. */
  search?: string | undefined;
  /** Whether clients that no operator registered may request it. */
  dynamicClients?: boolean | undefined;
}

export type ApiSort = 'identifier' | 'name' | 'created_at';

/** A role or a client that refers to an API. */
export interface ApiUse {
  kind: 'role' | 'client';
  id: string;
}

/** The same with its name, and the API's scopes that it refers to. */
export interface NamedApiUse extends ApiUse {
  name: string;
  scopes: string[];
}

export interface Apis {
  /** @returns null when the identifier is taken. */
  create(api: ApiContent, tx: Tx): Promise<ApiRecord | null>;
  update(identifier: string, changes: Partial<ApiContent>, tx: Tx): Promise<ApiRecord>;
  find(identifier: string): Promise<ApiRecord | null>;
  /** The API, locked until the transaction ends. */
  lock(identifier: string, tx: Tx): Promise<ApiRecord | null>;
  /** All APIs. */
  list(tx?: Tx): Promise<ApiRecord[]>;
  page(request: PageRequest<ApiSort, ApiFilters>): Promise<Page<ApiRecord>>;
  delete(identifier: string, tx: Tx): Promise<void>;
  /** Roles and clients that refer to an API or to any of its scopes, at most `limit` of each kind. */
  uses(api: Pick<ApiRecord, 'identifier' | 'scopes'>, limit: number): Promise<NamedApiUse[]>;
  /** One of those that refer to an API as a whole. A role does so by naming any of its scopes. */
  usedBy(identifier: string, tx: Tx): Promise<ApiUse | null>;
  /**
   * One of those that refer to scopes of an API: a role that names any of `scopes`, or a client that names one of them that no
   * other API has.
   */
  scopesUsedBy(
    identifier: string,
    scopes: { all: readonly string[]; unique: readonly string[] },
    tx: Tx,
  ): Promise<ApiUse | null>;
}

const LIST: Listing<ApiSort, ApiFilters> = {
  from: 'apis',
  columns: record.columns,
  sorts: {
    identifier: { by: 'identifier', type: 'text' },
    name: { by: 'name', type: 'text' },
    created_at: { by: 'created_at', type: 'timestamptz' },
  },
  id: { by: 'identifier', type: 'text' },
  filters: {
    search: (value, parameter) =>
      `strpos(lower(identifier || ' ' || name), lower(${parameter(value)}::text)) > 0`,
    dynamicClients: (value, parameter) => `dynamic_clients = ${parameter(value)}`,
  },
};

const USED = `select 'role' as kind, name as id from roles where scopes -> $1 <> '[]'
  union all
  select 'client', id from clients where metadata -> 'apis' ? $1 or metadata ->> 'default_resource' = $1
    or metadata -> 'token_exchange' -> 'audiences' ? $1
  limit 1`;

const SCOPES_USED = `select 'role' as kind, name as id from roles where scopes -> $1 ?| $2::text[]
  union all
  select 'client', id from clients where string_to_array(metadata ->> 'scope', ' ') && $3::text[]
  limit 1`;

const USES = `(select 'role' as kind, name as id, name, array(select jsonb_array_elements_text(scopes -> $1)) as scopes
    from roles where scopes -> $1 <> '[]' order by name limit $3)
  union all
  (select 'client', id, name,
      array(select one from unnest(string_to_array(metadata ->> 'scope', ' ')) as one where one = any($2::text[]))
    from clients where metadata -> 'apis' ? $1 or metadata ->> 'default_resource' = $1
      or metadata -> 'token_exchange' -> 'audiences' ? $1
      or string_to_array(metadata ->> 'scope', ' ') && $2::text[]
    order by lower(name), id limit $3)`;

/** The registry of APIs in PostgreSQL. */
export function createApis(pool: Pool): Apis {
  return {
    async create(api, tx) {
      try {
        return record.from(await Api.create(api, { transaction: tx }));
      } catch (error) {
        if (error instanceof UniqueConstraintError) return null;
        throw error;
      }
    },
    async update(identifier, changes, tx) {
      const [, [api]] = await Api.update(changes, {
        where: { identifier },
        returning: true,
        transaction: tx,
      });
      return record.from(api!);
    },
    async find(identifier) {
      const api = await Api.findByPk(identifier);
      return api && record.from(api);
    },
    async lock(identifier, tx) {
      const api = await Api.findByPk(identifier, { transaction: tx, lock: tx.LOCK.UPDATE });
      return api && record.from(api);
    },
    async list(tx) {
      const all = await Api.findAll({ order: ['identifier'], transaction: tx ?? null });
      return all.map(record.from);
    },
    async page(request) {
      const page = await pageOf(pool, LIST, request);
      return { ...page, items: record.read(page.items) };
    },
    async delete(identifier, tx) {
      await Api.destroy({ where: { identifier }, transaction: tx });
    },
    async uses({ identifier, scopes }, limit) {
      const { rows } = await pool.query<NamedApiUse>(USES, [identifier, scopes, limit]);
      return rows;
    },
    async usedBy(identifier, tx) {
      const { rows } = await tx.query<ApiUse>(USED, [identifier]);
      return rows[0] ?? null;
    },
    async scopesUsedBy(identifier, { all, unique }, tx) {
      const { rows } = await tx.query<ApiUse>(SCOPES_USED, [identifier, all, unique]);
      return rows[0] ?? null;
    },
  };
}
