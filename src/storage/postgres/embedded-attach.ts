import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { sha256 } from '../../core/ids.ts';
import { StartupError } from '../../core/errors.ts';
import { reclaim } from './embedded-account.ts';
import { type Cluster, clusterUrl, freePort } from './embedded-cluster.ts';
import { disownStrangers, findPostmaster, startPostmaster, stopPostmaster } from './embedded-postmaster.ts';

/**
 * Only one process at a time starts a cluster. The lock is an abstract socket, which the system releases when its
 * process ends, so it cannot go stale. Only Linux has those; elsewhere PostgreSQL's own lock file decides.
 * @param secret shared by those who may start it; the socket's name is derived from it
 * @returns the release; null when another process holds the lock
 */
export async function takeTurn(secret: string): Promise<(() => Promise<void>) | null> {
  if (process.platform !== 'linux') return () => Promise.resolve();
  const server = createServer((connection) => connection.destroy());
  try {
    server.listen(`\0postern-${sha256(secret)}`);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
  server.unref();
  return async () => {
    server.close();
    await once(server, 'close');
  };
}

/**
 * Every process that uses the cluster holds `users` in shared mode; one that gets it exclusively is the last. The
 * server holds `server`.
 */
const LOCKS = {
  use: "select pg_try_advisory_lock_shared(hashtextextended('postern.users', 0)) as held",
  leave: "select pg_advisory_unlock_shared(hashtextextended('postern.users', 0)) as held",
  alone: "select pg_try_advisory_lock(hashtextextended('postern.users', 0)) as held",
  server: "select pg_try_advisory_lock(hashtextextended('postern.server', 0)) as held",
};

/** Milliseconds to retry while other processes start and stop the cluster. */
const TIMEOUT = 30_000;

/** Acquires or releases a lock without waiting. */
export async function lock(client: Client, name: keyof typeof LOCKS): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>(LOCKS[name]);
  return rows[0]?.held === true;
}

async function enter(cluster: Cluster, port: number): Promise<Client> {
  const client = new Client({
    connectionString: clusterUrl(cluster, port),
    application_name: 'postern-embedded',
    connectionTimeoutMillis: 5_000,
  });
  // Later failures show as the end of the connection.
  client.on('error', () => undefined);
  try {
    await client.connect();
    if (await lock(client, 'use')) return client;
    throw new Error('it is being stopped');
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

async function startInTurn(cluster: Cluster, fixed?: number): Promise<void> {
  const endTurn = await takeTurn(cluster.password);
  if (!endTurn) return;
  try {
    if (await findPostmaster(cluster)) return;
    await reclaim(cluster.data, cluster.account);
    await disownStrangers(cluster);
    await startPostmaster(cluster, fixed ?? (await freePort(cluster.port)));
  } finally {
    await endTurn();
  }
}

/**
 * Connects to the cluster and registers as one of its users. Starts PostgreSQL when it is not running.
 * @param fixed the only port to start it on
 * @throws StartupError when it cannot be started or does not answer.
 */
export async function attach(cluster: Cluster, fixed?: number): Promise<{ client: Client; port: number }> {
  let reason = 'it did not start';
  for (const end = Date.now() + TIMEOUT; Date.now() < end; await sleep(50)) {
    if (!(await findPostmaster(cluster))) await startInTurn(cluster, fixed);
    const running = await findPostmaster(cluster);
    if (!running) continue;
    try {
      return { client: await enter(cluster, running.port), port: running.port };
    } catch (error) {
      // Another process may be starting or stopping it.
      reason = (error as Error).message;
    }
  }
  throw new StartupError(
    `PostgreSQL under ${cluster.data} does not answer (${reason}); see ${cluster.logFile}`,
  );
}

/** Ends the use that `client` stands for. Stops PostgreSQL after the last one. */
export async function leave(cluster: Cluster, client: Client): Promise<void> {
  await lock(client, 'leave');
  if (await lock(client, 'alone')) await stopPostmaster(cluster);
  await client.end();
}
