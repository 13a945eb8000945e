import type { Tx } from '../storage/postgres/transaction.ts';

/**
 * Revokes what runs for an account: sessions, grants, remembered devices, its own API keys and every token, the ones already
 * handed out included.
 */
export interface SessionRevoker {
  /** Revokes all of `accountId` in `tx`: nothing ends when it rolls back, everything at once when it commits. */
  revokeAll(accountId: string, tx: Tx): Promise<void>;
  /**
   * Revokes in `tx` what says roles that the account had before: its logins at contracts, whose tokens have them; all, when
   * it has gained or lost `admin`. Other tokens have its roles with the next refresh.
   */
  rolesChanged(accountId: string, moved: ReadonlySet<string>, tx: Tx): Promise<void>;
}
