/**
 * `npm test`: runs jest with the arguments given, brings what the tests ask for (one PostgreSQL, one Redis, a browser),
 * and leaves nothing running. Nothing is skipped: what is missing and cannot be installed fails the tests that need it, or
 * a run of all of them before it begins. `--unit` runs the files alone that need no server, browser or other process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCluster } from '../src/storage/postgres/embedded-cluster.ts';
import { stopPostmaster } from '../src/storage/postgres/embedded-postmaster.ts';
import { startProvisions } from './support/provisions.ts';
import { unitTests } from './support/unit-tests.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

/** What jest is run with: the command's arguments, and the files that `--unit` stands for. */
async function jestArguments(): Promise<string[]> {
  const given = process.argv.slice(2);
  const others = given.filter((one) => one !== '--unit');
  return others.length === given.length ? given : [...others, '--runTestsByPath', ...(await unitTests())];
}

async function runJest(environment: Record<string, string>): Promise<number> {
  const parameters = await jestArguments();
  if (interrupted.signal.aborted) return 1;
  const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, jest, ...parameters], {
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

const folder = await mkdtemp(path.join(tmpdir(), 'postern-test-'));
try {
  // PostgreSQL may run as another user, who has to pass.
  await chmod(folder, 0o711);
  const provisions = await startProvisions(folder);
  try {
    if (process.argv.length === 2) await provisions.all();
    process.exitCode = await runJest({ TEST_FOLDER: folder, TEST_PROVISIONS: provisions.url });
  } finally {
    await provisions.stop();
  }
} finally {
  await sweep(folder);
}
