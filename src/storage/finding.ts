// raw-sql: one short query per table, with the exact match first.
import { literal } from './listing.ts';
import type { Executor } from './postgres/executor.ts';

/** A search result of any kind. */
export interface Found {
  id: string;
  name: string;
  /** Whether its id or name equals the text. */
  isExact: boolean;
}

export type FoundKind = 'client' | 'api' | 'group' | 'role' | 'upstream';

/** Table, id and name column of each kind. */
const TABLES: Record<FoundKind, { table: string; id: string; name: string }> = {
  client: { table: 'clients', id: 'id', name: 'name' },
  api: { table: 'apis', id: 'identifier', name: 'name' },
  group: { table: 'groups', id: 'id::text', name: 'name' },
  role: { table: 'roles', id: 'name', name: 'name' },
  upstream: { table: 'upstreams', id: 'id', name: "settings ->> 'name'" },
};

/** Finds up to `limit` of a kind by substrings of their names and ids, exact matches first. */
export type FindByText = (kind: FoundKind, text: string, limit: number) => Promise<Found[]>;

export const createFindByText =
  (pool: Executor): FindByText =>
  async (kind, text, limit) => {
    const { table, id, name } = TABLES[kind];
    const { rows } = await pool.query<Found>(
      `select ${id} as id, ${name} as name, (${id} = $1 or lower(${name}) = lower($1)) as "isExact"
       from ${table} where ${id} ilike $2 or ${name} ilike $2
       order by 3 desc, lower(${name}), 1 limit $3`,
      [text, `%${literal(text)}%`, limit],
    );
    return rows;
  };
