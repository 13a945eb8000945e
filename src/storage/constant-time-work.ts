// raw-sql: savepoints.
import type { Tx } from './postgres/transaction.ts';

/**
 * Does `work` in `tx`, and undoes it unless `keep`. Either way the same statements run, so that from outside
 * nobody can tell which it was.
 */
export async function constantTimeWork(keep: boolean, work: () => Promise<void>, tx: Tx): Promise<void> {
  await tx.query('savepoint constant_time_work');
  await work();
  await tx.query(keep ? 'release savepoint constant_time_work' : 'rollback to savepoint constant_time_work');
}
