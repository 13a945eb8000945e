// raw-sql: savepoints.
import type { Tx } from './postgres/transaction.ts';

/**
 * Runs `work` in `tx` and rolls it back unless `keep`. The same statements run either way, so that timing does not
 * tell which it was.
 */
export async function constantTimeWork(keep: boolean, work: () => Promise<void>, tx: Tx): Promise<void> {
  await tx.query('savepoint constant_time_work');
  await work();
  await tx.query(keep ? 'release savepoint constant_time_work' : 'rollback to savepoint constant_time_work');
}
