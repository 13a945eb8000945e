import type { Tx } from './postgres/transaction.ts';

/**
 * Does `work` in `tx`, and undoes it unless it shall `stand`. Either way the same statements run, so that from outside
 * nobody can tell which it was.
 */
export async function workOrDecoy(stand: boolean, work: () => Promise<void>, tx: Tx): Promise<void> {
  await tx.query('savepoint decoy');
  await work();
  await tx.query(stand ? 'release savepoint decoy' : 'rollback to savepoint decoy');
}
