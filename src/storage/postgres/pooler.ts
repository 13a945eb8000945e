// raw-sql: settings of a role, and which of them a connection has.
import { DatabaseError, escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import type { Config } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import { connectAtStart } from './readiness.ts';
import { sessionSettings } from './settings.ts';

/** SQLSTATE when another process changes the same setting at this moment. */
const CONCURRENT = 'XX000';

/** One name on two of our connections, which a pooler may map to one connection of PostgreSQL. */
const PREPARED = { name: 'postern_prepared', text: 'select 1' };

/** 42P05 (duplicate_prepared_statement), 26000 (invalid_sql_statement_name). */
const isUnknownToPooler = (error: unknown): boolean =>
  error instanceof DatabaseError && (error.code === '42P05' || error.code === '26000');

/** @throws StartupError when the pooler mixes up prepared statements, which would fail requests now and then. */
async function checkPreparedStatements(pool: Pool): Promise<void> {
  const clients = await Promise.all([pool.connect(), pool.connect()]);
  try {
    for (const client of [...clients, ...clients]) await client.query(PREPARED);
  } catch (error) {
    if (!isUnknownToPooler(error)) throw error;
    throw new StartupError(
      'The pooler at DATABASE_URL does not support prepared statements: set DATABASE_PREPARED_STATEMENTS=off, or max_prepared_statements in PgBouncer from 1.21.',
      { cause: error },
    );
  } finally {
    for (const client of clients) client.release(true);
  }
}

const MISSING = `select wanted.name from unnest($1::text[], $2::text[]) as wanted (name, value)
  left join pg_settings s on lower(s.name) = lower(wanted.name)
  where replace(s.setting, ' ', '') is distinct from replace(wanted.value, ' ', '')`;

/**
 * Makes every connection of a pooler to the database use the settings that the service relies on. A pooler in transaction mode
 * accepts none with a connection, and shares its own, so they become settings of the role in this database.
 * @param databaseUrl PostgreSQL itself.
 * @param pool connections through the pooler.
 * @throws StartupError when the pooler still uses earlier connections, or mixes up prepared statements.
 */
export async function preparePooler(
  databaseUrl: string,
  pool: Pool,
  { hasPreparedStatements }: NonNullable<Config['pooler']>,
): Promise<void> {
  const settings = Object.entries(sessionSettings());
  const direct = await connectAtStart(databaseUrl, 'postern-pooler', { isPooled: true });
  try {
    const parameters = [settings.map(([name]) => name), settings.map(([, value]) => value)];
    const { rows } = await direct.query<{ name: string }>(MISSING, parameters);
    const { rows: named } = await direct.query<{ name: string }>('select current_database() as name');
    const database = escapeIdentifier(named[0]?.name ?? '');
    for (const [name, value] of settings.filter(([one]) => rows.some((row) => row.name === one)))
      await direct
        .query(`alter role current_user in database ${database} set ${name} = ${escapeLiteral(value)}`)
        .catch((error: Error & { code?: string }) => {
          if (error.code !== CONCURRENT) throw error;
        });
    const { rows: missing } = await pool.query<{ name: string }>(MISSING, parameters);
    if (missing.length > 0)
      throw new StartupError(
        `The pooler at DATABASE_URL still uses connections without ${missing.map(({ name }) => name).join(', ')}. Make it open new ones: RECONNECT in PgBouncer's console.`,
      );
    if (hasPreparedStatements) await checkPreparedStatements(pool);
  } finally {
    await direct.end();
  }
}
