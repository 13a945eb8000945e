// raw-sql: an advisory lock.
import type { Tx } from './postgres/transaction.ts';

/** Serializes the creation of the first administrator across nodes until the transaction ends. */
export async function lockFirstAdmin(tx: Tx): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtext('postern.first_admin'))");
}
