// raw-sql: reads the server's own settings and state.
import { availableParallelism } from 'node:os';
import type { Config } from '../../config/index.ts';
import { pendingMigrations } from '../../storage/postgres/migrator.ts';
import { connectAtStart } from '../../storage/postgres/readiness.ts';
import { compareClocks } from './checks.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** Maximum connections of a worker, and connections reserved for commands and other programs. */
const CONNECTIONS = { worker: 17, others: 10 };

interface Facts {
  version: string;
  encoding: string;
  max_connections: number;
  now: number;
}

function connections({ webConcurrency, production }: Config, limit: number): Finding {
  const workers = webConcurrency ?? (production ? availableParallelism() : 1);
  const needed = workers * CONNECTIONS.worker + CONNECTIONS.others;
  const params = { workers, needed: String(needed), limit: String(limit) };
  const message = { key: 'console.doctor.connections', params } as const;
  if (needed <= limit) return ok('console.doctor.name.connections', message);
  return warning('console.doctor.name.connections', message, 'console.doctor.connectionsTodo');
}

const wrongEncoding = (encoding: string): Finding =>
  problem(
    'console.doctor.name.encoding',
    { key: 'console.doctor.encoding', params: { encoding } },
    'console.doctor.encodingTodo',
  );

async function migrations(url: string): Promise<Finding> {
  const pending = await pendingMigrations(url);
  if (pending.length === 0) return ok('console.doctor.name.migrations', 'console.doctor.migrations');
  return problem(
    'console.doctor.name.migrations',
    { key: 'console.doctor.migrationsPending', params: { names: pending.join(', ') } },
    'console.doctor.migrationsPendingTodo',
  );
}

/** Checks the database. @throws StartupError when it cannot be reached, or is of a newer version. */
export async function checkPostgres(config: Config, url: string): Promise<Finding[]> {
  const client = await connectAtStart(url, 'postern-doctor');
  try {
    const before = Date.now();
    const { rows } = await client.query<Facts>(
      `select current_setting('server_version') as version, current_setting('server_encoding') as encoding,
              current_setting('max_connections')::int as max_connections,
              extract(epoch from clock_timestamp())::float8 * 1000 as now`,
    );
    const after = Date.now();
    const { version, encoding, max_connections, now } = rows[0]!;
    const where =
      config.databaseUrl === undefined
        ? ({
            key: 'console.doctor.postgresEmbedded',
            params: { version, directory: config.dataDir },
          } as const)
        : ({ key: 'console.doctor.postgresUrl', params: { version } } as const);
    return [
      ok('console.doctor.name.postgres', where),
      ...(encoding === 'UTF8' ? [] : [wrongEncoding(encoding)]),
      compareClocks('postgres', now, before, after),
      connections(config, max_connections),
      await migrations(url),
    ];
  } finally {
    await client.end();
  }
}
