/**
 * Settings the service relies on, sent when a connection starts. They override those of the server, database and role
 * (ALTER DATABASE, ALTER ROLE). All supported PostgreSQL versions have them. search_path is left to the operator.
 */
const SETTINGS = {
  // The drivers parse only these formats.
  client_encoding: 'UTF8',
  datestyle: 'ISO,MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  client_min_messages: 'warning',
  // Statements that decide races are written for this level.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
};

/** Timeouts in milliseconds; 0 means none. */
export interface Timeouts {
  /** Of a statement. */
  statement: number;
  /** Of an idle transaction. */
  idleInTransaction: number;
}

const TIMEOUTS: Timeouts = { statement: 30_000, idleInTransaction: 60_000 };

/** The settings of a session by name. */
export const sessionSettings = ({ statement, idleInTransaction }: Timeouts = TIMEOUTS) => ({
  ...SETTINGS,
  statement_timeout: String(statement),
  // Waiting for a lock is bounded by the statement timeout.
  lock_timeout: '0',
  idle_in_transaction_session_timeout: String(idleInTransaction),
});

/** Address and settings of a connection: those in `databaseUrl`, then ours. */
export function withSettings(
  databaseUrl: string,
  timeouts: Timeouts = TIMEOUTS,
): { connectionString: string; options: string } {
  const options = Object.entries(sessionSettings(timeouts)).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`,
  );
  const url = new URL(databaseUrl);
  const theirs = url.searchParams.get('options');
  if (theirs === null) return { connectionString: databaseUrl, options: options.join(' ') };
  // Options in the URL would override these.
  url.searchParams.delete('options');
  return { connectionString: url.href, options: [theirs, ...options].join(' ') };
}
