import type { UserRecord } from '../../storage/users.ts';

/** What a link verifies, and what was true of the account when it was sent. */
export interface Grounds {
  /** The address that the account had. */
  from: string;
  /** The address that the link was sent to: the same, or the one that shall take its place. */
  to: string;
  /** When the password was set, in milliseconds. */
  passwordChangedAt: number | null;
}

type Account = Pick<UserRecord, 'email' | 'passwordChangedAt' | 'status'>;

export const groundsOf = ({ email, passwordChangedAt }: Account, to: string): Grounds => ({
  from: email,
  to,
  passwordChangedAt: passwordChangedAt?.getTime() ?? null,
});

/**
 * Whether a link sent on these grounds may still be used. A new password ends the change of an address that was asked
 * for before: who asked may be the one whom it keeps out.
 */
export function stands(grounds: Grounds, account: Account): boolean {
  const { from, passwordChangedAt } = groundsOf(account, grounds.to);
  if (account.status !== 'active' || from !== grounds.from) return false;
  return grounds.to === grounds.from || passwordChangedAt === grounds.passwordChangedAt;
}
