import { Client, type Pool } from 'pg';
import { StartupError } from '../../core/errors.ts';
import { connectionOptions } from './pool.ts';
import { isUnavailable } from './pool-unavailable.ts';

/** Milliseconds that a connection nobody waits for on a request may take: a busy server is slow to welcome, not down. */
export const PATIENT = { connectionTimeoutMillis: 30_000 };

/**
 * More rows than fit into the memory that they may take, so that PostgreSQL writes a tenth of a megabyte beside its tables:
 * a full disk shows, and nothing stays of it. A row of ours might find room for itself where another's finds none. Sent as
 * one message, it is one transaction.
 */
const SPILL =
  "set local work_mem = 64; set local temp_tablespaces = ''; select count(*) from generate_series(1, 4000)";

/** What says that nobody may try: temp_file_limit (53400), or a compatible server that has no such setting. */
const CANNOT_TELL = /^(53400|0A|42)/;

/** Asks PostgreSQL whether it can be written. @throws why it cannot. */
export async function checkWritable(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ read_only: string }>(
    "select current_setting('transaction_read_only') as read_only",
  );
  // A failover left us at a replica.
  if (rows[0]?.read_only === 'on') throw new Error('it is read-only');
  await pool.query(SPILL).catch((error: Error & { code?: string }) => {
    if (!CANNOT_TELL.test(error.code ?? '')) throw error;
  });
}

/**
 * A connection of its own for work at start, without a limit on how long a statement may take.
 * @throws StartupError when there is none to be had, saying why.
 */
export async function connectAtStart(databaseUrl: string, applicationName: string): Promise<Client> {
  const client = new Client({
    ...connectionOptions(databaseUrl, applicationName, { statement: 0, idleInTransaction: 0 }),
    ...PATIENT,
    query_timeout: 0,
  });
  // A connection lost later fails the statement under way.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    const { hostname, port, pathname } = new URL(databaseUrl);
    const where = `${hostname}:${port || '5432'}${pathname}`;
    const hint = isUnavailable(error) ? 'Is it running, and is DATABASE_URL right?' : 'Check DATABASE_URL.';
    throw new StartupError(`Cannot connect to PostgreSQL at ${where}: ${message || code}. ${hint}`, {
      cause: error,
    });
  }
}
