/**
 * What the service relies on. A connection sets it as it is made, which goes over whatever its server, database or role
 * have set (ALTER DATABASE, ALTER ROLE). PostgreSQL of any version knows these; search_path stays the operator's.
 */
const SETTINGS = {
  // The drivers read these forms of values and no others.
  client_encoding: 'UTF8',
  datestyle: 'ISO,MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  client_min_messages: 'warning',
  // Races are decided by statements that are right at this level.
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
};

/** Milliseconds; 0 is no limit. */
export interface Timeouts {
  /** For a statement to end. */
  statement: number;
  /** For a transaction to go on. */
  idleInTransaction: number;
}

const TIMEOUTS: Timeouts = { statement: 30_000, idleInTransaction: 60_000 };

/** Where to connect, and the settings that the connection is made with: those that `databaseUrl` names, then ours. */
export function withSettings(
  databaseUrl: string,
  { statement, idleInTransaction }: Timeouts = TIMEOUTS,
): { connectionString: string; options: string } {
  const ours = {
    ...SETTINGS,
    statement_timeout: String(statement),
    // A statement waits for a lock until its own time is over.
    lock_timeout: '0',
    idle_in_transaction_session_timeout: String(idleInTransaction),
  };
  const options = Object.entries(ours).map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`);
  const url = new URL(databaseUrl);
  const theirs = url.searchParams.get('options');
  if (theirs === null) return { connectionString: databaseUrl, options: options.join(' ') };
  // What stands in the URL would replace what stands beside it.
  url.searchParams.delete('options');
  return { connectionString: url.href, options: [theirs, ...options].join(' ') };
}
