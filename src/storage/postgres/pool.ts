import { Pool, types } from 'pg';
import type { Logger } from '../../core/logger.ts';
import { type Timeouts, withSettings } from './settings.ts';

/** Connections of one process, and how many of them transactions may hold at a time. */
export const CONNECTIONS = { all: 15, transactions: 10 };

interface PoolOptions {
  /** Connections at most; all of the process unless set. */
  max?: number;
  logger: Logger;
  /** What `pg_stat_activity` calls these connections. */
  applicationName: string;
  /** Milliseconds for a connection, and for a statement; as the service has it unless set. */
  timeout?: number;
}

/** What every connection of the service is made with. Milliseconds. */
export const connectionOptions = (databaseUrl: string, applicationName: string, timeouts?: Timeouts) => ({
  ...withSettings(databaseUrl, timeouts),
  application_name: applicationName,
  connectionTimeoutMillis: 5_000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  // The server answers within its own timeout, unless the way to it is gone.
  query_timeout: 35_000,
});

/** As models have them: a date is no moment, and whatever is counted fits into a number. */
const PARSERS = new Map<number, (value: string) => unknown>([
  [types.builtins.DATE, String],
  [types.builtins.INT8, Number],
]);
const getTypeParser: typeof types.getTypeParser = (oid, format) =>
  PARSERS.get(oid) ?? types.getTypeParser(oid, format);

/** The connections of this process to PostgreSQL, for models (`sequelize.ts`) and SQL alike. One that is lost is logged and replaced; it never ends the process. */
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
  // Only the message: pg hangs the whole connection on its errors. One that ends with the pool is no loss.
  const onError = ({ message }: Error) => {
    if (!pool.ending) logger.warn({ reason: message }, 'a PostgreSQL connection was lost');
  };
  pool.on('error', onError);
  // While it is checked out the pool does not listen to a connection; between two statements nobody would.
  pool.on('connect', (client) => client.on('error', onError));
  return pool;
}
