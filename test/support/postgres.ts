import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { atEnd, provided, temporaryFolder } from './cleanup.ts';
import { execute, PostgresServer, TEMPLATE } from './postgres-server.ts';

/**
 * Creates a database on the run's server; dropped at the end of the test file.
 * @param template `template1` for one without a schema
 */
export async function createDatabase({ template = TEMPLATE } = {}): Promise<{
  url: string;
  drop(): Promise<void>;
}> {
  const server = await provided('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await execute(server, `create database ${name} template ${template}`);
  const drop = () => execute(server, `drop database if exists ${name} with (force)`);
  atEnd(drop);
  return { url: server.replace(/[^/]*$/, name), drop };
}

/**
 * Starts a separate server that a test may stop and start; its database has no schema. Stopped at the end of the
 * test file.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const server = await PostgresServer.create(path.join(await temporaryFolder(), 'data'));
  atEnd(() => server.stop());
  return server;
}

/** A primary whose commits wait for its replica. */
export interface PostgresPair {
  primary: PostgresServer;
  replica: PostgresServer;
  /** Names both, the primary first. */
  url: string;
}

/** Starts a primary and its synchronous replica. Stopped at the end of the test file. */
export async function startPostgresPair(): Promise<PostgresPair> {
  const primary = await startPostgres();
  const replica = await primary.replicate(path.join(await temporaryFolder(), 'replica'));
  atEnd(() => replica.stop());
  const both = `:${primary.port},127.0.0.1:${replica.port}/`;
  return { primary, replica, url: primary.databaseUrl().replace(`:${primary.port}/`, both) };
}
