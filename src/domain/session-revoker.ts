import type { Tx } from '../storage/postgres/transaction.ts';

/**
 * Revokes everything that runs for an account: sessions, grants, remembered devices, its own API keys and every token, including
 * those already handed out.
 */
export interface SessionRevoker {
  /** Revokes everything of `accountId` in `tx`: nothing ends when it rolls back, everything at once when it commits. */
  revokeAll(accountId: string, tx: Tx): Promise<void>;
  /**
   * Revokes in `tx` tokens with outdated roles: the accounts' logins at contracts, and everything if `admin` is among the roles
   * that `moved`. Other tokens get the new roles with the next refresh.
   */
  rolesChanged(accountIds: readonly string[], moved: ReadonlySet<string>, tx: Tx): Promise<void>;
}
