import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createLogger } from '../../src/core/logger.ts';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import { createExamplesPython } from './examples-python.ts';
import { PostgresServer, TEMPLATE } from './postgres-server.ts';
import { findPrograms, type Program, programs } from './programs.ts';
import { RedisServer } from './redis-server.ts';

/** What test files can request: shared servers by URL and programs by path. */
export type Provision = 'postgres' | 'redis' | 'examples-python' | Program;

/** Resources that the tests of one run share. */
export interface Provisions {
  /** URL that test files request them from (`provided`). */
  url: string;
  /** Provides everything, to report what is missing before the first test. @throws naming what to install. */
  all(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Provides resources when a test file first requests them.
 * @param folder for the data of servers.
 */
export async function startProvisions(folder: string): Promise<Provisions> {
  let redis: Promise<RedisServer> | undefined;
  const sources: Record<Exclude<Provision, Program>, () => Promise<string>> = {
    async 'postgres'() {
      const server = await PostgresServer.create(path.join(folder, 'run', 'data'));
      await server.createDatabase(TEMPLATE);
      await migrate(server.databaseUrl(TEMPLATE), createLogger('warn'));
      return server.databaseUrl();
    },
    async 'redis'() {
      redis = RedisServer.start(await provide('redis-server'));
      return (await redis).url;
    },
    'examples-python': async () => createExamplesPython(await provide('python3')),
  };
  const found = new Map<string, Promise<string>>();
  // One at a time: parallel installations conflict.
  let search = Promise.resolve();
  const find = (names: Program[]): Promise<string[]> => {
    const paths = search.then(() => findPrograms(names));
    search = paths.then(
      () => undefined,
      () => undefined,
    );
    return paths;
  };
  const provide = (name: Provision): Promise<string> => {
    const known = found.get(name);
    if (known) return known;
    const value =
      name in sources
        ? sources[name as keyof typeof sources]()
        : find([name as Program]).then(([program]) => program ?? '');
    found.set(name, value);
    return value;
  };

  const server = http.createServer((request, response) => {
    // No keep-alive: a connection that was idle for long may close just as the next request is sent.
    response.setHeader('connection', 'close');
    provide((request.url ?? '').slice(1) as Provision).then(
      (value) => response.end(value),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async all() {
      await find(programs);
      await Promise.all([provide('postgres'), provide('redis')]);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      const running = await redis?.catch(() => undefined);
      await running?.stop();
    },
  };
}
