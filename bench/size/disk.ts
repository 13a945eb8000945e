import pg from 'pg';

/** Bytes that one row of a kind takes in PostgreSQL, without and with indexes. */
export interface RowSize {
  kind: string;
  rows: number;
  table: number;
  indexes: number;
}

/** The partitions of a table named `t.name`, or the table itself. */
const LEAVES = `select relid from pg_partition_tree(t.name::regclass) where isleaf
    union select t.name::regclass where not exists (select from pg_partition_tree(t.name::regclass))`;

/** Tables with their partitions and TOAST tables. */
const SIZES = `select t.name, sum(c.reltuples)::float8 as rows, sum(pg_table_size(c.oid))::float8 as "table", sum(pg_indexes_size(c.oid))::float8 as indexes
  from unnest($1::text[]) t (name) cross join lateral (
    ${LEAVES}
  ) p join pg_class c on c.oid = p.relid
  where c.reltuples > 0 group by 1 order by 1`;

const SCANS = `select relname as name, seq_scan::int as whole from pg_stat_user_tables where n_live_tup > 100000`;

/** Sequential scans of each large table since its statistics were reset. */
export async function wholeScans(databaseUrl: string): Promise<Map<string, number>> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ name: string; whole: number }>(SCANS);
  await client.end();
  return new Map(rows.map(({ name, whole }) => [name, whole]));
}

const READ = `select sum(pg_prewarm(relation))::float8 * current_setting('block_size')::int as bytes
  from unnest($1::text[]) t (name)
  cross join lateral (
    ${LEAVES}
  ) p
  cross join lateral (
    select p.relid as relation
    union all select indexrelid from pg_index where indrelid = p.relid
  ) r`;

/**
 * Reads accounts, grants, sessions and tokens with their indexes once, so that they are in PostgreSQL's memory like
 * those of a database that has been serving for a while. The audit stays on disk. @returns bytes read.
 */
export async function readTables(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('create extension if not exists pg_prewarm');
  const { rows } = await client.query<{ bytes: number }>(READ, [['users', 'oidc_grants', 'oidc_records']]);
  await client.end();
  return rows[0]!.bytes;
}

/** Share of a model's rows in the table of records. */
const MODELS = `select model, avg(pg_column_size(r)) as width, count(*) as rows
  from oidc_records r tablesample system (0.2) group by 1`;

/**
 * Measures the average disk space of an account, a grant, a refresh token, a session and an audit event. Refresh
 * tokens and sessions share a table: its size is divided by row width, that of its indexes by number of rows.
 */
export async function rowSizes(databaseUrl: string): Promise<RowSize[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<RowSize & { name: string }>(SIZES, [
    ['users', 'oidc_grants', 'oidc_records', 'audit_events'],
  ]);
  const { rows: models } = await client.query<{ model: string; width: string; rows: string }>(MODELS);
  await client.end();
  const shown = models.map((each) => ({
    model: each.model,
    width: Number(each.width),
    count: Number(each.rows),
  }));
  const width = shown.reduce((sum, each) => sum + each.width * each.count, 0);
  const count = shown.reduce((sum, each) => sum + each.count, 0);
  return rows.flatMap(({ name, rows: all, table, indexes }) =>
    name === 'oidc_records' && count > 0
      ? shown.map((each) => ({
          kind: each.model,
          rows: Math.round((all * each.count) / count),
          table: (table * each.width) / width / (all / count),
          indexes: indexes / all,
        }))
      : [{ kind: name, rows: all, table: table / all, indexes: indexes / all }],
  );
}
