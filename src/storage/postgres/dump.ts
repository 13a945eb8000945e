import type { Client } from 'pg';
import { migrationsAsSql } from './migrator.ts';
import { connectAtStart } from './readiness.ts';

/** Rows per fetch. */
const BATCH = 500;

/** Settings of the session that loads the dump, whatever its server has configured. */
const HEAD = `\\set ON_ERROR_STOP on
set client_encoding = 'UTF8';
set standard_conforming_strings = on;
set datestyle = 'ISO, MDY';
set intervalstyle = 'postgres';
set client_min_messages = 'warning';
set statement_timeout = 0;
set lock_timeout = 0;
set idle_in_transaction_session_timeout = 0;
begin;
`;

/** A value in COPY's text format. */
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const field = (value: string | null): string =>
  value === null ? '\\N' : value.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character]!);

interface Table {
  name: string;
  columns: string[];
  /** Tables referenced by foreign keys. */
  after: string[];
}

/** Names are quoted for SQL. Generated columns cannot be loaded and are left out. */
async function tablesOf(client: Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select quote_ident(relname) as name,
            (select json_agg(quote_ident(attname) order by attnum) from pg_attribute
              where attrelid = tables.oid and attnum > 0 and not attisdropped and attgenerated = '') as columns,
            (select coalesce(json_agg(distinct quote_ident(other.relname)), '[]')
               from pg_constraint join pg_class other on other.oid = confrelid
              where conrelid = tables.oid and contype = 'f' and confrelid <> conrelid) as after
       from pg_class tables
      where relkind in ('r', 'p') and not relispartition
        and relnamespace = (select oid from pg_namespace where nspname = current_schema())
      order by relname`,
  );
  return inOrder(rows);
}

/** Orders tables so that each follows the ones it references. */
function inOrder(tables: Table[]): Table[] {
  const seen = new Set<Table>();
  const ordered: Table[] = [];
  const add = (table: Table): void => {
    if (seen.has(table)) return;
    seen.add(table);
    for (const other of tables) if (table.after.includes(other.name)) add(other);
    ordered.push(table);
  };
  for (const table of tables) add(table);
  return ordered;
}

async function* rowsOf(client: Client, { name, columns }: Table): AsyncGenerator<string> {
  const values = columns.map((column) => `${column}::text`);
  await client.query(`declare dumped no scroll cursor for select ${values.join(', ')} from ${name}`);
  for (;;) {
    const { rows } = await client.query<(string | null)[]>({
      text: `fetch ${BATCH} from dumped`,
      rowMode: 'array',
    });
    if (rows.length === 0) break;
    yield rows.map((row) => `${row.map(field).join('\t')}\n`).join('');
  }
  await client.query('close dumped');
}

/** Statements that make the same partitions, so that the rows have theirs. */
async function partitions(client: Client): Promise<string> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('select partition_add(%L, %L, %L);', partrelid::regclass, lower, upper) as statement
       from pg_partitioned_table, partitions_of(partrelid) where lower is not null and upper is not null
      order by partrelid::regclass::text, lower`,
  );
  return rows.map(({ statement }) => `${statement}\n`).join('');
}

/** Statements that set each sequence to its current value. */
async function sequences(client: Client): Promise<string> {
  const { rows } = await client.query<{ statement: string }>(
    `select format('select setval(%L, %s, true);', quote_ident(sequencename), last_value) as statement
       from pg_sequences where schemaname = current_schema() and last_value is not null order by sequencename`,
  );
  return rows.map(({ statement }) => `${statement}\n`).join('');
}

/**
 * The whole database as SQL for psql, in pieces: its migrations, then the rows of one snapshot. The SQL runs in one
 * transaction: a truncated dump loads nothing.
 * @throws StartupError when PostgreSQL cannot be reached, or the database is of a newer version.
 */
export async function* dump(databaseUrl: string): AsyncGenerator<string> {
  const client = await connectAtStart(databaseUrl, 'postern-dump');
  try {
    await client.query('begin isolation level repeatable read, read only');
    yield `-- The database of a Postern, ${new Date().toISOString()}. Load it into an empty one with psql.\n${HEAD}`;
    yield* migrationsAsSql(client);
    yield await partitions(client);
    for (const table of await tablesOf(client)) {
      // Migrations insert rows of their own; the dump contains them again.
      yield `\ndelete from ${table.name};\ncopy ${table.name} (${table.columns.join(', ')}) from stdin;\n`;
      yield* rowsOf(client, table);
      yield '\\.\n';
    }
    yield `\n${await sequences(client)}commit;\n`;
  } finally {
    await client.end();
  }
}
