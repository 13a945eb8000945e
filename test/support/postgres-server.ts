import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import {
  clusterUrl,
  createCluster,
  findCluster,
  runSingleUser,
  type Cluster,
} from '../../src/storage/postgres/embedded-cluster.ts';
import { freePort } from './ports.ts';
import {
  findPostmaster,
  startPostmaster,
  stopPostmaster,
} from '../../src/storage/postgres/embedded-postmaster.ts';

/** The database that test databases are copied from. */
export const TEMPLATE = 'postern_template';

/**
 * Tests need no durability. Autovacuum is off: while a worker runs, the database's owner cannot drop it.
 */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off'];

/** Synchronous replication: commits wait for a replica. */
const SYNCHRONOUS = [
  ...SETTINGS.filter((one) => !one.startsWith('synchronous_commit')),
  'synchronous_commit=on',
  'synchronous_standby_names=*',
];

const run = promisify(execFile);

/** A PostgreSQL server for tests on a fixed port. */
export class PostgresServer {
  readonly port: number;
  readonly #cluster: Cluster;

  private constructor(cluster: Cluster, port: number) {
    this.#cluster = cluster;
    this.port = port;
  }

  /** Creates a cluster under `folder`, whose database owner may create databases, and starts it. */
  static async create(folder: string): Promise<PostgresServer> {
    await mkdir(folder, { mode: 0o711, recursive: true });
    await createCluster(folder);
    const cluster = await findCluster(folder);
    if (!cluster) throw new Error('no cluster');
    await appendFile(path.join(cluster.data, 'pg_hba.conf'), 'host all postern 127.0.0.1/32 scram-sha-256\n');
    await runSingleUser(cluster, 'alter role postern createdb;\n');
    const server = new PostgresServer(cluster, await freePort());
    await server.start();
    return server;
  }

  /**
   * Creates a synchronous replica in `folder`: a commit is acknowledged when both have it. Restarts this server.
   */
  async replicate(folder: string): Promise<PostgresServer> {
    await this.stop();
    await runSingleUser(this.#cluster, 'alter role postern replication;\n');
    const hba = path.join(this.#cluster.data, 'pg_hba.conf');
    await appendFile(hba, 'host replication postern 127.0.0.1/32 scram-sha-256\n');
    // Node's own copy does not keep the owner.
    await run('cp', ['-a', this.#cluster.dataDir, folder]);
    await this.start(SYNCHRONOUS);
    const cluster = await findCluster(folder);
    if (!cluster) throw new Error('no replica');
    await writeFile(path.join(cluster.data, 'standby.signal'), '');
    await run('chown', ['--reference', cluster.data, path.join(cluster.data, 'standby.signal')]);
    const replica = new PostgresServer(cluster, await freePort());
    await replica.start([...SETTINGS, `primary_conninfo=${this.databaseUrl()}`]);
    return replica;
  }

  /** Promotes a replica. */
  async promote(): Promise<void> {
    const { account, binaries, data } = this.#cluster;
    const program = path.join(path.dirname(binaries.postgres), 'pg_ctl');
    const child = account.launch(program, ['promote', '--pgdata', data], { stdio: 'ignore' });
    await once(child, 'close');
  }

  databaseUrl(name = 'postern'): string {
    return clusterUrl(this.#cluster, this.port).replace(/[^/]*$/, name);
  }

  async createDatabase(name: string, template = 'template1'): Promise<void> {
    await execute(this.databaseUrl(), `create database ${name} template ${template}`);
  }

  async start(settings = SETTINGS): Promise<void> {
    if (!(await startPostmaster(this.#cluster, this.port, settings)))
      throw new Error(`port ${this.port} was taken`);
  }

  /** Stops it in fast mode: cuts sessions and writes everything. */
  async stop(): Promise<void> {
    await stopPostmaster(this.#cluster);
  }

  /** Kills its processes, so that connections see a reset. `start` recovers it. */
  async kill(): Promise<void> {
    const found = await findPostmaster(this.#cluster);
    if (found) process.kill(found.pid, 'SIGKILL');
    while (await findPostmaster(this.#cluster)) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs one statement on a new connection. */
export async function execute(databaseUrl: string, sql: string): Promise<void> {
  await read(databaseUrl, sql);
}

/** The same. @returns the rows. */
export async function read(databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
