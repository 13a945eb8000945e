import { Client, type Pool } from 'pg';
import { StartupError } from '../../core/errors.ts';
import { connectionOptions } from './pool.ts';
import { isUnavailable } from './pool-unavailable.ts';

/** Connection timeout in milliseconds outside of requests: a busy server accepts slowly but is not down. */
export const PATIENT = { connectionTimeoutMillis: 30_000 };

/**
 * Sorts more rows than fit into work_mem, so that PostgreSQL writes a tenth of a megabyte of temporary files. That
 * detects a full disk and leaves nothing behind; a row of our own might still find room in an existing page. Sent as
 * one message, it is one transaction.
 */
const SPILL =
  "set local work_mem = 64; set local temp_tablespaces = ''; select count(*) from generate_series(1, 4000)";

/** The check is not possible: temp_file_limit (53400), or a compatible server without the setting. */
const CANNOT_TELL = /^(53400|0A|42)/;

/** Checks that PostgreSQL can write. @throws the reason when it cannot. */
export async function checkWritable(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ read_only: string }>(
    "select current_setting('transaction_read_only') as read_only",
  );
  // After a failover this may be a replica.
  if (rows[0]?.read_only === 'on') throw new Error('it is read-only');
  await pool.query(SPILL).catch((error: Error & { code?: string }) => {
    if (!CANNOT_TELL.test(error.code ?? '')) throw error;
  });
}

/**
 * A separate connection for work at start, without a statement timeout.
 * @throws StartupError with the reason when connecting fails.
 */
export async function connectAtStart(databaseUrl: string, applicationName: string): Promise<Client> {
  const client = new Client({
    ...connectionOptions(databaseUrl, applicationName, { statement: 0, idleInTransaction: 0 }),
    ...PATIENT,
    query_timeout: 0,
  });
  // A later loss of the connection fails the current statement.
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
