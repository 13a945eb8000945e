// raw-sql: settings of a role, and which of them a connection has.
import { escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import { StartupError } from '../../core/errors.ts';
import { connectAtStart } from './readiness.ts';
import { sessionSettings } from './settings.ts';

/** Another process sets the same at this moment. */
const CONCURRENT = 'XX000';

const MISSING = `select wanted.name from unnest($1::text[], $2::text[]) as wanted (name, value)
  left join pg_settings s on lower(s.name) = lower(wanted.name)
  where replace(s.setting, ' ', '') is distinct from replace(wanted.value, ' ', '')`;

/**
 * Has every connection that a pooler makes to the database know the settings that the service relies on: a pooler in transaction mode
 * takes none with a connection, and shares those that it makes. They become settings of the role in this database.
 * @param databaseUrl PostgreSQL itself. @param pool connections through the pooler.
 * @throws StartupError when the pooler still uses connections from before.
 */
export async function preparePooler(databaseUrl: string, pool: Pool): Promise<void> {
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
        `The pooler at DATABASE_URL still uses connections without ${missing.map(({ name }) => name).join(', ')}. Have it make new ones: RECONNECT in PgBouncer's console.`,
      );
  } finally {
    await direct.end();
  }
}
