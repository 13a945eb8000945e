import { Pool, types } from 'pg';
import type { Logger } from '../../core/logger.ts';
import { type Timeouts, withSettings } from './settings.ts';

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
}

/** Options of every connection of the service, in milliseconds. */
export const connectionOptions = (databaseUrl: string, applicationName: string, timeouts?: Timeouts) => ({
  ...withSettings(databaseUrl, timeouts),
  application_name: applicationName,
  connectionTimeoutMillis: 5_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  // The server answers within its own timeout unless the network is down.
  query_timeout: 35_000,
});

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
  { max = CONNECTIONS.all, logger, applicationName, timeout }: PoolOptions,
): Pool {
  const pool = new Pool({
    ...connectionOptions(
      databaseUrl,
      applicationName,
      timeout === undefined ? undefined : { statement: timeout, idleInTransaction: timeout },
    ),
    ...(timeout !== undefined && { connectionTimeoutMillis: timeout, query_timeout: timeout }),
    max,
    types: { getTypeParser },
    idleTimeoutMillis: 30_000,
  });
  // Log only the message: pg attaches the whole connection to its errors. Ignore connections that end with the pool.
  const onError = ({ message }: Error) => {
    if (!pool.ending) logger.warn({ reason: message }, 'a PostgreSQL connection was lost');
  };
  pool.on('error', onError);
  // The pool does not listen to a connection that is checked out, and between two statements nobody else does.
  pool.on('connect', (client) => client.on('error', onError));
  return pool;
}
