/** A PostgreSQL server that logs the plan of each statement (auto_explain). */
import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryFolder } from './cleanup.ts';
import { execute } from './postgres-server.ts';
import { startPostgres } from './postgres.ts';
import { until } from './until.ts';

/** A node of a plan, as EXPLAIN writes it in JSON. */
interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Plans'?: Plan[];
}

/** A table that a statement scans sequentially. */
export interface WholeRead {
  table: string;
  statement: string;
}

export interface ExplainedPostgres {
  url: string;
  /** Postern's sequential scans so far. Stop it first, so that all its statements are logged. */
  wholeReads(): Promise<WholeRead[]>;
}

const tablesOf = ({ 'Node Type': type, 'Relation Name': table, 'Plans': parts = [] }: Plan): string[] => [
  ...(type === 'Seq Scan' && table !== undefined ? [table] : []),
  ...parts.flatMap(tablesOf),
];

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
      return (await written()).split('\n').flatMap((line) => {
        if (!line.includes('"postern"')) return [];
        const { application_name: by, message } = JSON.parse(line) as Record<string, string>;
        const [, json] = /^duration: .* plan:\n(.*)$/s.exec(message ?? '') ?? [];
        if (by !== 'postern' || json === undefined) return [];
        const { 'Query Text': statement, 'Plan': plan } = JSON.parse(json) as {
          'Query Text': string;
          'Plan': Plan;
        };
        return [...new Set(tablesOf(plan))].map((table) => ({ table, statement }));
      });
    },
  };
}
