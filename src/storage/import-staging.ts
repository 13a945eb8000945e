// raw-sql: a temporary table, for parts of records that come later.
import { connectAtStart } from './postgres/readiness.ts';

/** Parts of records, by kind and key. */
export interface Staging {
  put(kind: string, rows: readonly { key: string; value: unknown }[]): Promise<void>;
  /** The parts of `kind`, by key, in order of arrival. */
  of<Value>(kind: string, keys: readonly string[]): Promise<Map<string, Value[]>>;
  /** Marks keys as seen. @returns those that had been seen before. */
  see(keys: readonly string[]): Promise<Set<string>>;
  /** Number of unused parts of `kind`, and some of their keys. */
  unclaimed(kind: string, limit: number): Promise<{ count: number; keys: string[] }>;
  close(): Promise<void>;
}

const CREATE = `create temp table staged (position bigint generated always as identity, kind text, key text, value json, claimed boolean default false);
  create index on staged (kind, key);
  create temp table seen (key text primary key)`;

/** Stored in temporary tables of one connection, so that memory stays flat. */
export async function openStaging(databaseUrl: string): Promise<Staging> {
  const client = await connectAtStart(databaseUrl, 'postern-import');
  await client.query(CREATE);
  return {
    async put(kind, rows) {
      if (rows.length === 0) return;
      await client.query(
        `insert into staged (kind, key, value)
          select $1, key, value from json_to_recordset($2::json) as rows (key text, value json)`,
        [kind, JSON.stringify(rows)],
      );
    },
    async of<Value>(kind: string, keys: readonly string[]) {
      const { rows } = await client.query<{ key: string; value: Value }>(
        `with found as (
            update staged set claimed = true where kind = $1 and key = any($2) returning position, key, value)
          select key, value from found order by position`,
        [kind, keys],
      );
      const found = new Map<string, Value[]>();
      for (const { key, value } of rows) found.set(key, [...(found.get(key) ?? []), value]);
      return found;
    },
    async see(keys) {
      const { rows } = await client.query<{ key: string }>(
        `insert into seen select distinct unnest($1::text[]) on conflict do nothing returning key`,
        [keys],
      );
      const added = new Set(rows.map(({ key }) => key));
      return new Set(keys.filter((key) => !added.has(key)));
    },
    async unclaimed(kind, limit) {
      const { rows } = await client.query<{ count: number; keys: string[] | null }>(
        `select count(*)::int as count, (array_agg(key order by position))[1:$2] as keys
          from staged where kind = $1 and not claimed`,
        [kind, limit],
      );
      return { count: rows[0]?.count ?? 0, keys: rows[0]?.keys ?? [] };
    },
    close: () => client.end(),
  };
}
