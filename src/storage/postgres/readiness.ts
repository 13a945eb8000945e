import { Client, type Pool } from 'pg';
import { StartupError } from '../../kernel/startup-error.ts';
import { isUnavailable } from './pool-unavailable.ts';
import { connectionOptions } from './pool.ts';

/** Milliseconds that a healthy PostgreSQL never needs to answer nothing. */
const PATIENCE = 2_000;

/** Milliseconds that a connection nobody waits for on a request may take: a busy server is slow to welcome, not down. */
export const PATIENT = { connectionTimeoutMillis: 30_000 };

/** Asks PostgreSQL for an answer. @throws what went wrong, or that it took too long. */
export async function pingPostgres(pool: Pool): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE);
  try {
    await Promise.race([pool.query('select 1'), promise]);
  } finally {
    clearTimeout(timer);
  }
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
