import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Logger } from '../../core/logger.ts';
import { noProgress, type Progress } from '../../core/progress.ts';
import { StartupError } from '../../core/errors.ts';
import { attach, leave, lock } from './embedded-attach.ts';
import { type Cluster, clusterUrl, createCluster, findCluster, prepareDataDir } from './embedded-cluster.ts';
import { explainFileError } from './embedded-errors.ts';
import { isAlive } from './embedded-postmaster.ts';

/** The embedded PostgreSQL, used by this process and possibly others. */
export class Embedded {
  readonly databaseUrl: string;
  /** Whether this process created the database. */
  readonly firstRun: boolean;
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #port: number;
  readonly #serverFile: string;
  #client: Client;
  #claimed = false;
  #closing = false;
  #restored: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, use: { client: Client; port: number }, firstRun: boolean, logger: Logger) {
    this.databaseUrl = clusterUrl(cluster, use.port);
    this.firstRun = firstRun;
    this.#cluster = cluster;
    this.#logger = logger;
    this.#port = use.port;
    this.#serverFile = path.join(cluster.dataDir, 'server.json');
    this.#client = this.#watch(use.client);
  }

  /**
   * Makes this process the only server on this DATA_DIR until it ends.
   * @param url its URL, for the error message of a second server
   * @throws StartupError when another process is the server.
   */
  async claimServer(url: string): Promise<void> {
    // A killed server holds its lock until PostgreSQL notices that its connections ended.
    for (let attempt = 0; !(await lock(this.#client, 'server')); attempt += 1) {
      if (attempt === 10) throw await this.#alreadyRunning();
      await sleep(100);
    }
    this.#claimed = true;
    await writeFile(this.#serverFile, JSON.stringify({ pid: process.pid, url }), { mode: 0o600 });
  }

  /** Ends this process' use of PostgreSQL. The last one stops it. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.#restored;
    if (this.#claimed) await rm(this.#serverFile, { force: true });
    await leave(this.#cluster, this.#client).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'could not stop the embedded PostgreSQL');
    });
  }

  async #alreadyRunning(): Promise<StartupError> {
    const other = await readFile(this.#serverFile, 'utf8').catch(() => null);
    const { pid, url } = (other ? JSON.parse(other) : {}) as { pid?: number; url?: string };
    const who = other ? ` (process ${pid}, ${url})` : '';
    return new StartupError(
      `Postern is already running on DATA_DIR ${this.#cluster.dataDir}${who}. Stop it first, or set another DATA_DIR.`,
    );
  }

  #watch(client: Client): Client {
    client.once('end', () => {
      if (!this.#closing) this.#restored = this.#restore();
    });
    return client;
  }

  /** Restarts PostgreSQL on the same port after it crashed or was stopped. */
  async #restore(): Promise<void> {
    this.#logger.error('the embedded PostgreSQL has stopped; starting it again');
    for (; !this.#closing; await sleep(1_000)) {
      try {
        const { client } = await attach(this.#cluster, this.#port);
        this.#client = this.#watch(client);
        if (this.#claimed) await lock(client, 'server');
        this.#logger.info('the embedded PostgreSQL is running again');
        return;
      } catch (error) {
        this.#logger.error({ err: error }, 'the embedded PostgreSQL does not start');
      }
    }
  }
}

/** Removes the temporary folders of interrupted cluster creations. */
async function removeRemains(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = Number(/^postgres\.init-(\d+)-/.exec(name)?.[1]);
    const folder = path.join(dataDir, name);
    if (!pid) continue;
    const made = await stat(folder).then(
      (found) => found.mtimeMs,
      () => 0,
    );
    const underWay = isAlive(pid) && Date.now() - made < 600_000;
    if (!underWay) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * Opens the embedded PostgreSQL under `dataDir`. Creates the database when there is none, starts PostgreSQL when no
 * other process has, and registers as one of its users.
 * @throws StartupError with advice when it cannot run there.
 */
export async function openEmbedded({
  dataDir,
  logger,
  progress = noProgress,
}: {
  dataDir: string;
  logger: Logger;
  progress?: Progress;
}): Promise<Embedded> {
  await prepareDataDir(dataDir);
  try {
    await removeRemains(dataDir);
    let cluster = await findCluster(dataDir);
    let firstRun = false;
    if (!cluster) {
      logger.info({ dataDir }, 'creating the embedded database');
      progress(`Setting up PostgreSQL in ${dataDir}`);
      firstRun = await createCluster(dataDir);
      cluster = await findCluster(dataDir);
    }
    if (!cluster)
      throw new StartupError(
        `The database under ${dataDir} was removed while it was being created. Start again.`,
      );
    progress('Starting PostgreSQL');
    return new Embedded(cluster, await attach(cluster), firstRun, logger);
  } catch (error) {
    throw explainFileError(error, dataDir);
  }
}
