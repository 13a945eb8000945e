import { connectAtStart } from './readiness.ts';

/** Rows that are fetched at a time. */
const BATCH = 1000;

/**
 * The rows of a query in another service's database, as of one moment, by the names of their columns. Nothing is changed there.
 * @param query one `select`.
 * @throws StartupError when it cannot be reached; what PostgreSQL says of the query.
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
