import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../../src/core/logger.ts';
import { findCluster } from '../../src/storage/postgres/embedded-cluster.ts';
import { findPostmaster } from '../../src/storage/postgres/embedded-postmaster.ts';
import { openEmbedded, type Embedded } from '../../src/storage/postgres/embedded.ts';
import { atEnd, temporaryFolder } from './cleanup.ts';

const SCRIPT = fileURLToPath(new URL('./embedded-process.ts', import.meta.url));

/** Starts a program in its own mount namespace (util-linux). */
const UNSHARE = 'unshare';

/** Path of a DATA_DIR that does not exist yet. */
export const newDataDir = async (): Promise<string> => path.join(await temporaryFolder(), 'data');

/** Opens the embedded PostgreSQL in this process; closed at the end of the test file. */
export async function open(dataDir: string): Promise<Embedded> {
  const embedded = await openEmbedded({ dataDir, logger: createLogger('silent') });
  atEnd(() => embedded.close());
  return embedded;
}

/** Process id of the PostgreSQL that runs under `dataDir`, or null. */
export async function serverPid(dataDir: string): Promise<number | null> {
  const cluster = await findCluster(dataDir);
  return cluster && ((await findPostmaster(cluster))?.pid ?? null);
}

/** Starts a separate process that opens `dataDir`. @returns the process and its first output. */
export async function spawnUser(
  dataDir: string,
): Promise<{ child: ChildProcess; said: Record<string, string> }> {
  const child = spawn(process.execPath, [SCRIPT, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  atEnd(() => Promise.resolve(child.kill('SIGKILL')));
  return { child, said: await firstLine(child) };
}

/** Command prefix that mounts a private file system at `folder` with `options`. */
export function ownFileSystem(folder: string, options: string): string[] {
  const root = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"';
  return [UNSHARE, ...root, '--mount', 'sh', '-c', script, 'sh', options, folder];
}

/** Output of a process started on a private file system, mounted with `options`. */
export async function outputOnFileSystem(options: string): Promise<Record<string, string>> {
  const dataDir = await temporaryFolder();
  const [program, ...args] = [...ownFileSystem(dataDir, options), process.execPath, SCRIPT, dataDir];
  return firstLine(spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
}

async function firstLine(child: ChildProcess): Promise<Record<string, string>> {
  if (!child.stdout) throw new Error('no output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return JSON.parse(line) as Record<string, string>;
}
