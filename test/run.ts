/**
 * `npm test`: brings what the tests need (one PostgreSQL, one Redis, a browser), runs jest with the arguments given,
 * and leaves nothing running. Nothing is skipped: what is missing and cannot be installed fails the run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../src/kernel/logger.ts';
import { findCluster } from '../src/storage/postgres/embedded-cluster.ts';
import { stopPostmaster } from '../src/storage/postgres/embedded-postmaster.ts';
import { migrate } from '../src/storage/postgres/migrator.ts';
import { PostgresServer, TEMPLATE } from './support/postgres-server.ts';
import { provide } from './support/programs.ts';
import { RedisServer } from './support/redis-server.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

async function runJest(environment: Record<string, string>): Promise<number> {
  if (interrupted.signal.aborted) return 1;
  const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, jest, ...process.argv.slice(2)], {
    cwd: path.resolve(import.meta.dirname, '..'),
    env: { ...process.env, ...environment },
    // All of it to standard output, in order.
    stdio: ['ignore', 1, 1],
    // A group of its own, to be ended as one: whatever tests started and left.
    detached: true,
  });
  const end = (signal: NodeJS.Signals) => {
    try {
      process.kill(-(child.pid ?? NaN), signal);
    } catch {
      // Nobody is left.
    }
  };
  interrupted.signal.addEventListener('abort', () => end('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  end('SIGKILL');
  return code ?? 1;
}

/** Stops servers that a test cut short left under `folder`, then removes it. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const cluster = await findCluster(path.join(folder, name, 'data')).catch(() => null);
    if (cluster) await stopPostmaster(cluster);
  }
  // An initdb cut short may still be writing.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

const programs = await provide();
const folder = await mkdtemp(path.join(tmpdir(), 'postern-test-'));
try {
  // PostgreSQL may run as another user, who has to pass.
  await chmod(folder, 0o711);
  const postgres = await PostgresServer.create(path.join(folder, 'run', 'data'));
  await postgres.createDatabase(TEMPLATE);
  await migrate(postgres.databaseUrl(TEMPLATE), createLogger('warn'));
  const redis = await RedisServer.start(programs.redisServer);
  try {
    process.exitCode = await runJest({
      TEST_FOLDER: folder,
      TEST_POSTGRES_URL: postgres.databaseUrl(),
      TEST_REDIS_URL: redis.url,
      TEST_REDIS_SERVER: programs.redisServer,
      TEST_PSQL: programs.psql,
      TEST_CHROMIUM: programs.chromium,
      TEST_APACHE: programs.apache,
      TEST_APACHE_OPENIDC: programs.apacheOpenidc,
      TEST_PYTHON: programs.python,
    });
  } finally {
    await redis.stop();
  }
} finally {
  await sweep(folder);
}
