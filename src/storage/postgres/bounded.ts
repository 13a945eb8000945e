import { DomainError } from '../../core/errors.ts';
import type { Executor } from './executor.ts';
import type { InTransaction } from './transaction.ts';

/** Maximum milliseconds of a search: a longer one would take a core of the database from sign-ins. */
const PATIENCE = 2_000;

const isTimeout = (error: unknown): boolean =>
  Error.isError(error) && (error as Error & { code?: unknown }).code === '57014';

/**
 * Runs searches whose conditions callers combine freely, each for a maximum of milliseconds: two seconds by default. Beyond that
 * `query` throws DomainError too_broad.
 */
export const boundedReads = (inTransaction: InTransaction, patience = PATIENCE): Executor => ({
  query: (statement, values) =>
    inTransaction(async (tx) => {
      await tx.query(`set local statement_timeout = ${patience}`);
      try {
        const result = await tx.query<never>(statement, values);
        // Restores the time limit for the rest of an enclosing transaction.
        await tx.query('set local statement_timeout to default');
        return result;
      } catch (error) {
        throw isTimeout(error) ? new DomainError('too_broad', {}, { cause: error }) : error;
      }
    }),
});
