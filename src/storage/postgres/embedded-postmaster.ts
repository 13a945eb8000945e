import { open, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../../core/errors.ts';
import type { Cluster } from './embedded-cluster.ts';
import { explainOutput } from './embedded-errors.ts';

/** Whether a process `pid` exists, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The server process of a cluster, as its postmaster.pid tells of it. */
export interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

/** Greater than any process id a system gives. */
const NO_PROCESS = 2_147_483_647;

const pidFile = (cluster: Cluster): string => path.join(cluster.data, 'postmaster.pid');

/** Durable as PostgreSQL is by default; on loopback only; its log tells of the server, never of statements or their values. */
const FLAGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'timezone=UTC',
  'log_timezone=UTC',
  'log_min_messages=log',
  'log_error_verbosity=terse',
  'log_min_error_statement=panic',
  'log_checkpoints=off',
].flatMap((setting) => ['-c', setting]);

/** Whether a process `pid` runs; on Linux, whether it runs in `folder`, as the server of that cluster does. */
async function runsIn(pid: number, folder: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(folder));
  } catch (error) {
    // Elsewhere there is no /proc, and another user's process may tell nothing: believe the file.
    return process.platform !== 'linux' || (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

/** The server process of `cluster`, or null when none runs. */
export async function findPostmaster(cluster: Cluster): Promise<Postmaster | null> {
  const lines = (await readFile(pidFile(cluster), 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!pid || !(await runsIn(pid, cluster.data))) return null;
  return { pid, port, ready: lines[7]?.trim() === 'ready' };
}

/**
 * PostgreSQL does not start while the process in postmaster.pid lives, even where that number now belongs to another
 * one (a container started again), nor when a crash left the file empty. Call it in turn, and when none runs.
 */
export async function disownStrangers(cluster: Cluster): Promise<void> {
  const file = pidFile(cluster);
  const content = await readFile(file, 'utf8').catch(() => null);
  if (content === null) return;
  if (content === '') {
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > 10_000) await rm(file);
  } else if (isAlive(Number.parseInt(content, 10))) {
    // The rest of the file stays: by it PostgreSQL knows old workers that still write.
    await writeFile(file, content.replace(/^\d+/, String(NO_PROCESS)));
  }
}

/**
 * Starts PostgreSQL on `port`, in a session of its own (Ctrl-C in the terminal does not reach it), and waits until it
 * takes connections, however long it has to recover.
 * @param settings more of them, as name=value
 * @returns false when another process started it meanwhile, or took the port
 * @throws StartupError when it cannot run.
 */
export async function startPostmaster(
  cluster: Cluster,
  port: number,
  settings: string[] = [],
): Promise<boolean> {
  const log = await open(cluster.logFile, 'a+', 0o600);
  const { size } = await log.stat();
  try {
    const more = settings.flatMap((setting) => ['-c', setting]);
    const child = cluster.account.launch(
      cluster.binaries.postgres,
      ['-D', cluster.data, '-p', String(port), ...FLAGS, ...more],
      {
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      },
    );
    const ended = new AbortController();
    child.once('error', (error) => ended.abort(error));
    child.once('exit', () => ended.abort());
    child.unref();
    while (!ended.signal.aborted) {
      const found = await findPostmaster(cluster);
      if (found?.ready && found.pid === child.pid) return true;
      await sleep(10);
    }
    const buffer = Buffer.alloc(16_384);
    const { bytesRead } = await log.read(buffer, 0, buffer.length, size);
    const output = buffer.toString('utf8', 0, bytesRead) || String(ended.signal.reason);
    if (/postmaster\.pid" (already exists|is empty)|shared memory block|could not bind/.test(output))
      return false;
    if (/incompatible with server/.test(output)) {
      const version = await readFile(path.join(cluster.data, 'PG_VERSION'), 'utf8');
      throw new StartupError(
        `${cluster.data} holds a database of PostgreSQL ${version.trim()}, which this Postern's PostgreSQL cannot read. Run the Postern that made it, or dump it there and restore it here.`,
      );
    }
    throw explainOutput('PostgreSQL did not start', output, cluster.dataDir, cluster.logFile);
  } finally {
    await log.close();
  }
}

/** Stops PostgreSQL as it wants to be stopped ("fast": no new work, everything written) and waits until it has. */
export async function stopPostmaster(cluster: Cluster): Promise<void> {
  const found = await findPostmaster(cluster);
  if (!found) return;
  process.kill(found.pid, 'SIGINT');
  // The file goes last. Its process may stay behind as a zombie when nobody reaps it.
  for (let now: Postmaster | null = found; now?.pid === found.pid; now = await findPostmaster(cluster))
    await sleep(10);
}
