import type { Client, Pool } from 'pg';
import { StartupError } from '../../core/errors.ts';
import { serverUrls } from '../../config/database-url.ts';
import { PostgresClient } from './client.ts';
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

/** A pooler rejects settings in the connection request. */
const OF_POOLER = /unsupported startup parameter/;

/**
 * A separate connection for work at start, without a statement timeout; to the primary where there are several servers.
 * @param options.isPooled leaves the settings to the role.
 * @throws StartupError with the reason when connecting fails.
 */
export async function connectAtStart(
  databaseUrl: string,
  applicationName: string,
  { isPooled = false } = {},
): Promise<Client> {
  for (let left = serverUrls(databaseUrl).length - 1; ; left -= 1) {
    const client = new PostgresClient({
      ...connectionOptions(databaseUrl, applicationName, { statement: 0, idleInTransaction: 0 }),
      ...PATIENT,
      query_timeout: 0,
      isPooled,
    });
    // A later loss of the connection fails the current statement.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (left > 0) continue;
      const { message, code } = error as Error & { code?: string };
      const where = serverUrls(databaseUrl)
        .map((url) => new URL(url))
        .map(({ hostname, port, pathname }) => `${hostname}:${port || '5432'}${pathname}`)
        .join(' or ');
      const hint = OF_POOLER.test(message)
        ? 'That is a pooler: set DATABASE_DIRECT_URL to PostgreSQL itself.'
        : isUnavailable(error)
          ? 'Is it running, and is DATABASE_URL right?'
          : 'Check DATABASE_URL.';
      throw new StartupError(`Cannot connect to PostgreSQL at ${where}: ${message || code}. ${hint}`, {
        cause: error,
      });
    }
  }
}
