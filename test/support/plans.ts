/** A PostgreSQL server that logs the plan of each statement (auto_explain). */
import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { execute, read } from './postgres-server.ts';
import { startPostgres } from './postgres.ts';
import { until } from './until.ts';

/** A node of a plan, as EXPLAIN writes it in JSON. */
interface Plan {
  'Node Type': string;
  'Parent Relationship'?: string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Plans'?: Plan[];
}

/** A table that a statement reads completely: sequentially, or by walking an index from end to end. */
export interface WholeRead {
  table: string;
  statement: string;
}

export interface ExplainedPostgres {
  url: string;
  /** What Postern has read completely so far. Stop it first, so that all its statements are logged. */
  wholeReads(): Promise<WholeRead[]>;
}

/** Nodes that read all their input before they return a row. */
const COLLECTING = new Set(['Aggregate', 'Hash', 'ModifyTable', 'SetOp', 'Sort', 'WindowAgg']);

/** Whether the rows of a node's parts are still read only until a LIMIT is reached. */
function isEnded(plan: Plan, byLimit: boolean): boolean {
  if (plan['Node Type'] === 'Limit') return true;
  return byLimit && !COLLECTING.has(plan['Node Type']);
}

/**
 * The tables that a plan reads completely. A partial index may be walked, because it has only what it is for.
 * @param byLimit whether a LIMIT ends the reading of this node.
 */
function tablesOf(plan: Plan, partial: ReadonlySet<string>, byLimit = false): string[] {
  const { 'Node Type': type, 'Relation Name': table, 'Index Name': index, 'Plans': parts = [] } = plan;
  const isWalk =
    (type === 'Index Scan' || type === 'Index Only Scan') &&
    plan['Index Cond'] === undefined &&
    !byLimit &&
    !partial.has(index ?? '');
  const own = table !== undefined && (type === 'Seq Scan' || isWalk) ? [table] : [];
  return [
    ...own,
    ...parts.flatMap((part) =>
      tablesOf(part, partial, isEnded(plan, byLimit) && part['Parent Relationship'] !== 'InitPlan'),
    ),
  ];
}

/**
 * Starts a separate server that uses an index wherever possible, however small the table. Its database has no schema. Stopped at the
 * end of the test file.
 */
export async function startExplainedPostgres(): Promise<ExplainedPostgres> {
  const folder = await temporaryFolder();
  // The server runs as another user.
  await chmod(folder, 0o777);
  const server = await startPostgres();
  await server.stop();
  await server.start([
    'fsync=off',
    'autovacuum=off',
    'enable_seqscan=off',
    // Small tables would be joined by walking their indexes.
    'enable_hashjoin=off',
    'enable_mergejoin=off',
    'session_preload_libraries=auto_explain',
    'auto_explain.log_min_duration=0',
    'auto_explain.log_nested_statements=on',
    'auto_explain.log_format=json',
    'logging_collector=on',
    'log_destination=jsonlog',
    `log_directory=${folder}`,
    'log_filename=plans',
    'log_file_mode=0644',
    'log_rotation_size=0',
  ]);
  const url = server.databaseUrl();
  const written = () => readFile(path.join(folder, 'plans.json'), 'utf8');
  return {
    url,
    async wholeReads() {
      await execute(url, "select 'the last plan'");
      await until(async () => (await written()).includes("select 'the last plan'"));
      const indexes = await read(
        url,
        'select indexrelid::regclass::text as name from pg_index where indpred is not null',
      );
      const partial = new Set(indexes.map(({ name }) => String(name)));
      return (await written()).split('\n').flatMap((line) => {
        if (!line.includes('"postern"')) return [];
        const { application_name: by, message } = JSON.parse(line) as Record<string, string>;
        const [, json] = /^duration: .* plan:\n(.*)$/s.exec(message ?? '') ?? [];
        if (by !== 'postern' || json === undefined) return [];
        const { 'Query Text': statement, 'Plan': plan } = JSON.parse(json) as {
          'Query Text': string;
          'Plan': Plan;
        };
        return [...new Set(tablesOf(plan, partial))].map((table) => ({ table, statement }));
      });
    },
  };
}
