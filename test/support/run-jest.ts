import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCluster } from '../../src/storage/postgres/embedded-cluster.ts';
import { stopPostmaster } from '../../src/storage/postgres/embedded-postmaster.ts';

/** For Jest and its workers: fewer collections while modules are loaded, which stay in memory anyway. */
const HEAP = '--min-semi-space-size=16';

interface Options {
  /** The repository, or a copy of it. */
  root: string;
  environment: Record<string, string>;
  /** Ends the run. */
  signal: AbortSignal;
  /** Whether to show its output. */
  isShown?: boolean;
}

/** Runs Jest and ends all processes it leaves. @returns its exit code; 1 when it was aborted. */
export async function runJest(
  parameters: readonly string[],
  { root, environment, signal, isShown = true }: Options,
): Promise<number> {
  if (signal.aborted) return 1;
  const jest = fileURLToPath(import.meta.resolve('jest/bin/jest'));
  // All output to standard output, in order.
  const output = isShown ? 1 : 'ignore';
  const child = spawn(process.execPath, [HEAP, jest, ...parameters], {
    cwd: root,
    // Each worker loads Jest again.
    env: { NODE_COMPILE_CACHE: path.join(tmpdir(), 'node-compile-cache'), ...process.env, ...environment },
    stdio: ['ignore', output, output],
    // A process group, so that all processes of tests can be ended together.
    detached: true,
  });
  const end = (how: NodeJS.Signals) => {
    try {
      process.kill(-(child.pid ?? NaN), how);
    } catch {
      // The process group no longer exists.
    }
  };
  const terminate = () => end('SIGTERM');
  signal.addEventListener('abort', terminate);
  const [code] = (await once(child, 'exit')) as [number | null];
  signal.removeEventListener('abort', terminate);
  end('SIGKILL');
  return code ?? 1;
}

/** Stops servers that aborted tests left under `folder`, then removes the folder. */
export async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const cluster = await findCluster(path.join(folder, name, 'data')).catch(() => null);
    if (cluster) await stopPostmaster(cluster);
  }
  // An aborted initdb may still be writing.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
