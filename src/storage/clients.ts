// raw-sql: a hot path; every token request reads its client. Conditions of a list for `listing.ts`.
import type { Pool } from 'pg';
import { UniqueConstraintError } from 'sequelize';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { Client, type ClientKind } from './models/clients.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

export type { ClientKind } from './models/clients.ts';

const record = recordOf(Client, 'secretCreatedAt');
export type ClientRecord = RecordOf<typeof record>;

/** Filters. All must match; a filter with several values matches any of them. */
export interface ClientFilters {
  /** A substring of the name, or a prefix of the client_id. */
  search?: string | undefined;
  kind?: readonly ClientKind[] | undefined;
  enabled?: boolean | undefined;
  role?: readonly string[] | undefined;
  /** Agents, or all others. */
  agent?: boolean | undefined;
  /** Clients that may request identity assertions for other authorization servers, or all others. */
  asserts_identities?: boolean | undefined;
}

export type ClientSort = 'client_id' | 'name' | 'created_at' | 'last_used_at';

export interface Clients {
  /** @returns null when the id is taken. */
  create(
    client: Pick<ClientRecord, 'id' | 'name' | 'secretHash' | 'metadata'> &
      Partial<Pick<ClientRecord, 'roles'>>,
    tx: Tx,
  ): Promise<ClientRecord | null>;
  find(id: string): Promise<ClientRecord | null>;
  /** The client, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<ClientRecord | null>;
  /** The id of a client whose `scope` names any of `scopes`. */
  naming(scopes: readonly string[], tx: Tx): Promise<string | null>;
  list(request: PageRequest<ClientSort, ClientFilters>): Promise<Page<ClientRecord>>;
  /** Replaces the given fields. @returns the client, or null when there is none. */
  update(
    id: string,
    changes: Partial<Pick<ClientRecord, 'name' | 'metadata' | 'secretHash' | 'roles' | 'enabled'>>,
    tx: Tx,
  ): Promise<ClientRecord | null>;
  /** @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
  /**
   * Enabled clients that registered themselves or came by a metadata document, and are unused: never since `created`, or not since
   * `used`, both in milliseconds since the epoch.
   */
  unused(since: { created: number; used: number }, limit: number): Promise<string[]>;
  /** Records when clients were last used, at most once a minute each. */
  noteUse(uses: readonly { id: string; at: Date }[]): Promise<void>;
}

/** Prepared: every token request reads its client with it. */
const BY_ID = { name: 'clients_by_id', text: `select ${record.columns} from clients where id = $1` };

const LIST: Listing<ClientSort, ClientFilters> = {
  from: 'clients',
  columns: record.columns,
  sorts: {
    client_id: { by: 'id', type: 'text' },
    name: { by: 'lower(name)', type: 'text' },
    created_at: { by: 'created_at', type: 'timestamptz' },
    last_used_at: { by: "coalesce(last_used_at, '-infinity'::timestamptz)", type: 'timestamptz' },
  },
  id: { by: 'id', type: 'text' },
  filters: {
    search(value, parameter) {
      const part = parameter(value);
      return `(strpos(lower(name), lower(${part}::text)) > 0 or starts_with(id, ${part}::text))`;
    },
    kind: (values, parameter) => `kind = any(${parameter(values)}::text[])`,
    enabled: (value, parameter) => `enabled = ${parameter(value)}`,
    // The same condition as `isAgent` in core/agents.ts.
    agent: (value, parameter) =>
      `coalesce((metadata ->> 'agent')::boolean, metadata ->> 'registration' = 'document', false) = ${parameter(value)}`,
    asserts_identities: (value, parameter) =>
      `(coalesce(jsonb_array_length(metadata -> 'identity_assertions'), 0) > 0) = ${parameter(value)}`,
    role: (values, parameter) => `roles && ${parameter(values)}::text[]`,
  },
};

const NOTE_USE = `update clients set last_used_at = used.at
  from jsonb_to_recordset($1) as used (id text, at timestamptz)
  where clients.id = used.id and (last_used_at is null or last_used_at < used.at - interval '1 minute')`;

const NAMING = `select id from clients where string_to_array(metadata ->> 'scope', ' ') && $1::text[] limit 1`;

const UNUSED = `select id from clients
  where metadata ->> 'registration' in ('open', 'document') and enabled
    and coalesce(last_used_at, created_at) < to_timestamp(greatest($1::float8, $2::float8) / 1000)
    and (last_used_at < to_timestamp($2::float8 / 1000)
      or last_used_at is null and created_at < to_timestamp($1::float8 / 1000))
  limit $3`;

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
      // PostgreSQL's text cannot hold NUL.
      if (id.includes('\0')) return null;
      const { rows } = await pool.query({ ...BY_ID, values: [id] });
      return record.read(rows)[0] ?? null;
    },
    async lock(id, tx) {
      const client = await Client.findByPk(id, { transaction: tx, lock: tx.LOCK.UPDATE });
      return client && record.from(client);
    },
    async naming(scopes, tx) {
      const { rows } = await tx.query<{ id: string }>(NAMING, [scopes]);
      return rows[0]?.id ?? null;
    },
    async list(request) {
      const page = await pageOf(pool, LIST, request);
      return { ...page, items: record.read(page.items) };
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
    async unused({ created, used }, limit) {
      const { rows } = await pool.query<{ id: string }>(UNUSED, [created, used, limit]);
      return rows.map(({ id }) => id);
    },
    async noteUse(uses) {
      await pool.query(NOTE_USE, [JSON.stringify(uses)]);
    },
  };
}
