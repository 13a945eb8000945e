import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

/** Runs SQL: the pool, or a transaction. Named statements are prepared. */
export interface Executor {
  query<Row extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<Row>>;
}
