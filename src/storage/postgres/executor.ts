import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

/** What runs SQL: the pool, each statement by itself, or a transaction under way. A statement with a name is prepared. */
export interface Executor {
  query<Row extends QueryResultRow>(
    statement: string | QueryConfig,
    values?: unknown[],
  ): Promise<QueryResult<Row>>;
}
