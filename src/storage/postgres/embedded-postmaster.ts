import { open, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../../core/errors.ts';
import type { Cluster } from './embedded-cluster.ts';
import { explainOutput } from './embedded-errors.ts';

/** Whether a process `pid` exists, of any user. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The server process of a cluster, from its postmaster.pid. */
export interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

/** Greater than any real process id. */
const NO_PROCESS = 2_147_483_647;

const pidFile = (cluster: Cluster): string => path.join(cluster.data, 'postmaster.pid');

/** PostgreSQL's default durability. Loopback only. The log never contains statements or values. */
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

/** Whether a process `pid` runs. On Linux also whether its working directory is `folder`, as a server's is. */
async function runsIn(pid: number, folder: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  try {
    return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(folder));
  } catch (error) {
    // Without /proc, or for another user's process, trust the file.
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
 * PostgreSQL refuses to start while the process in postmaster.pid lives, even when that number was reused (a
 * restarted container), or when a crash left the file empty. Call it with the lock held, and only while no server
 * runs.
 */
export async function disownStrangers(cluster: Cluster): Promise<void> {
  const file = pidFile(cluster);
  const content = await readFile(file, 'utf8').catch(() => null);
  if (content === null) return;
  if (content === '') {
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs > 10_000) await rm(file);
  } else if (isAlive(Number.parseInt(content, 10))) {
    // Keep the rest of the file: PostgreSQL uses it to detect orphaned workers.
    await writeFile(file, content.replace(/^\d+/, String(NO_PROCESS)));
  }
}

/**
 * Starts PostgreSQL on `port` in its own session, so that Ctrl-C does not reach it. Waits until it accepts
 * connections, however long recovery takes.
 * @param settings additional settings, as name=value
 * @returns false when another process started it first, or took the port
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
        `${cluster.data} holds a database of PostgreSQL ${version.trim()}, which this Postern's PostgreSQL cannot read. Run the version of Postern that created it, or dump it there and restore it here.`,
      );
    }
    throw explainOutput('PostgreSQL did not start', output, cluster.dataDir, cluster.logFile);
  } finally {
    await log.close();
  }
}

/** Stops PostgreSQL in fast mode and waits for its end. */
export async function stopPostmaster(cluster: Cluster): Promise<void> {
  const found = await findPostmaster(cluster);
  if (!found) return;
  process.kill(found.pid, 'SIGINT');
  // The file is removed last. The process may remain as a zombie when nothing reaps it.
  for (let now: Postmaster | null = found; now?.pid === found.pid; now = await findPostmaster(cluster))
    await sleep(10);
}
