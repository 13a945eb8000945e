/** SQLSTATEs, or their classes, of temporary failures (PostgreSQL manual, appendix A). */
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
 * Whether `error`, or one of its causes, means that PostgreSQL is unreachable or cannot serve now: a later attempt
 * may succeed, so answer 503. Recognises errors of pg and of Sequelize.
 */
export function isUnavailable(error: unknown): boolean {
  if (!Error.isError(error)) return false;
  const { code, message, cause, original } = error as Error & { code?: unknown; original?: unknown };
  if (typeof code === 'string' && (SYSTEM.has(code) || STATES.some((state) => code.startsWith(state))))
    return true;
  if (MESSAGES.test(message) || error.name === 'SequelizeConnectionAcquireTimeoutError') return true;
  return isUnavailable(cause) || isUnavailable(original);
}
