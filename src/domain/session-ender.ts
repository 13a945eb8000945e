import type { Tx } from '../storage/postgres/transaction.ts';

/**
 * Ends what runs for an account: sessions, grants, remembered devices, its own API keys and every token, the ones already
 * handed out included.
 */
export interface SessionEnder {
  /** Ends all of `accountId` in `tx`: nothing ends when it rolls back, everything at once when it commits. */
  endAll(accountId: string, tx: Tx): Promise<void>;
}
