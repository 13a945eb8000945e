import { Pool, type PoolClient, type PoolConfig, types } from 'pg';
import type { Config } from '../../config/index.ts';
import type { Logger } from '../../core/logger.ts';
import { inOwnPatience, waitingForStatement } from '../../core/patience.ts';
import { abandon, type ConnectionOptions, PostgresClient } from './client.ts';
import type { Timeouts } from './settings.ts';

/** Connections per process, and how many of them transactions may hold at once. */
export const CONNECTIONS = { all: 15, transactions: 10 };

interface PoolOptions {
  /** Maximum of connections. By default all of the process. */
  max?: number;
  logger: Logger;
  /** `application_name` in `pg_stat_activity`. */
  applicationName: string;
  /** Timeouts of connecting and of a statement, in milliseconds. By default the service's. */
  timeout?: number;
  /** The pooler that the URL names, if it does. */
  pooler?: Config['pooler'];
}

/** Options of every connection of the service, in milliseconds. */
export const connectionOptions = (
  databaseUrl: string,
  applicationName: string,
  timeouts?: Timeouts,
): ConnectionOptions => ({
  databaseUrl,
  timeouts,
  application_name: applicationName,
  connectionTimeoutMillis: 5_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  // The server answers within its own timeout unless the network is down.
  query_timeout: 35_000,
});

/** Takes the names off its statements: each name would be prepared at one of the connections that a pooler shares. */
function prepareNothing(client: PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const unnamed = (first: unknown, ...rest: unknown[]) =>
    query(
      typeof first === 'object' && first !== null && 'name' in first ? { ...first, name: undefined } : first,
      ...rest,
    );
  Object.assign(client, { query: unnamed });
}

/** Ends statements that a request has waited too long for, with their connection, which might stay busy. */
function loseNoPatience(client: PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const giveUp = () => abandon(client as unknown as PostgresClient);
  const bounded = (...args: unknown[]): unknown => {
    // A function each time: statements of one connection may overlap.
    const end = waitingForStatement(() => giveUp());
    if (!end) return query(...args);
    const callback = args.at(-1);
    if (typeof callback !== 'function') return (query(...args) as Promise<unknown>).finally(end);
    const done = callback as (...result: unknown[]) => void;
    return query(...args.slice(0, -1), (...result: unknown[]) => {
      end();
      done(...result);
    });
  };
  Object.assign(client, { query: bounded });
}

/** Types as in the models: dates stay strings, counts become numbers. */
const PARSERS = new Map<number, (value: string) => unknown>([
  [types.builtins.DATE, String],
  [types.builtins.INT8, Number],
]);
const getTypeParser: typeof types.getTypeParser = (oid, format) =>
  PARSERS.get(oid) ?? types.getTypeParser(oid, format);

/**
 * The connections of this process to PostgreSQL, for models and SQL alike. A lost one is logged and replaced; it
 * never ends the process.
 */
export function createPool(
  databaseUrl: string,
  { max = CONNECTIONS.all, logger, applicationName, timeout, pooler = null }: PoolOptions,
): Pool {
  // pg hands its options to the class that makes a connection.
  const options = {
    ...connectionOptions(
      databaseUrl,
      applicationName,
      timeout === undefined ? undefined : { statement: timeout, idleInTransaction: timeout },
    ),
    ...(timeout !== undefined && { connectionTimeoutMillis: timeout, query_timeout: timeout }),
    isPooled: pooler !== null,
    max,
    types: { getTypeParser },
    idleTimeoutMillis: 30_000,
    Client: PostgresClient as unknown as NonNullable<PoolConfig['Client']>,
  };
  const pool = new Pool(options);
  // Log only the message: pg attaches the whole connection to its errors. Ignore connections that end with the pool.
  const onError = ({ message }: Error) => {
    if (!pool.ending) logger.warn({ reason: message }, 'a PostgreSQL connection was lost');
  };
  pool.on('error', onError);
  // The pool does not listen to a connection that is checked out; between two statements nothing else does.
  pool.on('connect', (client) => client.on('error', onError));
  if (pooler?.hasPreparedStatements === false) pool.on('connect', prepareNothing);
  pool.on('connect', loseNoPatience);
  // Otherwise the next statement in line would run in the context of whoever releases the connection.
  const connect = pool.connect.bind(pool) as (callback?: (...args: unknown[]) => void) => unknown;
  const connectInTurn: typeof connect = (callback) =>
    callback ? connect(inOwnPatience(callback)) : connect();
  Object.assign(pool, { connect: connectInTurn });
  return pool;
}
