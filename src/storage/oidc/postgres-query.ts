// raw-sql: runs the statements of its neighbours.
import { DatabaseError, type Pool, type QueryResult, type QueryResultRow } from 'pg';
import { DomainError } from '../../core/errors.ts';
import { isUnavailable } from '../postgres/pool-unavailable.ts';
import { withoutNul } from '../postgres/transaction.ts';

/** A prepared statement: parsed and planned once per connection. */
export interface Statement {
  name: string;
  text: string;
}

/** Runs a prepared statement. @throws DomainError unavailable when PostgreSQL is. */
export async function run<Row extends QueryResultRow>(
  pool: Pool,
  statement: Statement,
  values: unknown[],
): Promise<QueryResult<Row>> {
  try {
    const { name, text } = statement;
    return await pool.query<Row>({ name, text, values: values.map(withoutNul) });
  } catch (error) {
    throw isUnavailable(error) ? new DomainError('unavailable', {}, { cause: error }) : error;
  }
}

export const FOREIGN_KEY_VIOLATION = '23503';
export const UNIQUE_VIOLATION = '23505';
export const DEADLOCK_DETECTED = '40P01';

/** Whether PostgreSQL refused with this SQLSTATE. */
export const isState = (error: unknown, state: string): boolean =>
  error instanceof DatabaseError && error.code === state;

/** Retries what lost a race with `state`: the second attempt sees the other's committed result. */
export async function again<T>(state: string, attempt: () => Promise<T>): Promise<T> {
  for (let left = 4; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0 || !isState(error, state)) throw error;
    }
  }
}
