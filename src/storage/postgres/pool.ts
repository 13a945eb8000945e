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
  { max = CONNECTIONS.all, logger, applicationName }: PoolOptions,
): Pool {
  const pool = new Pool({
    ...connectionOptions(databaseUrl, applicationName),
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

/** SQLSTATEs, or their classes, that say "not now" (PostgreSQL manual, appendix A). */
const STATES = [
  '08', // connection exception
  '53', // insufficient resources: disk full, out of memory, too many connections
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '57014', // query_canceled: the statement timeout
  '25006', // read_only_sql_transaction: a failover left us on a replica
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '55P03', // lock_not_available
];

const SYSTEM = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** The driver's own failures have no code. */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout|Cannot use a pool after)/;

/**
 * Whether `error`, or what caused it, says that PostgreSQL cannot be reached or cannot serve now: a later try may
 * succeed, and the caller deserves a 503. Knows what pg throws and what Sequelize makes of it.
 */
export function isUnavailable(error: unknown): boolean {
  if (!Error.isError(error)) return false;
  const { code, message, cause, original } = error as Error & { code?: unknown; original?: unknown };
  if (typeof code === 'string' && (SYSTEM.has(code) || STATES.some((state) => code.startsWith(state))))
    return true;
  if (MESSAGES.test(message) || error.name === 'SequelizeConnectionAcquireTimeoutError') return true;
  return isUnavailable(cause) || isUnavailable(original);
}
