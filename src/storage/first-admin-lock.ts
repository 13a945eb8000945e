import type { Tx } from './postgres/transaction.ts';

/** Serializes the creation of the first administrator across nodes until the transaction ends. */
export const lockFirstAdmin = (tx: Tx): Promise<void> => tx.lock('postern.first_admin');
