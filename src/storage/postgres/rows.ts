import { connectAtStart } from './readiness.ts';

/** Rows per fetch. */
const BATCH = 1000;

/**
 * The rows of a read-only query in another service's database, from one snapshot, by column name.
 * @param query one `select`.
 * @throws StartupError when it cannot be reached; PostgreSQL's error for the query.
 */
export async function* rowsOfQuery(
  databaseUrl: string,
  query: string,
): AsyncGenerator<Record<string, unknown>> {
  const client = await connectAtStart(databaseUrl, 'postern-import');
  try {
    await client.query('begin isolation level repeatable read, read only');
    await client.query(`declare imported no scroll cursor for ${query.trim().replace(/;$/, '')}`);
    for (;;) {
      const { rows } = await client.query<Record<string, unknown>>(`fetch ${BATCH} from imported`);
      if (rows.length === 0) break;
      yield* rows;
    }
  } finally {
    await client.end();
  }
}
