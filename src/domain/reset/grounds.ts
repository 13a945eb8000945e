import type { UserRecord } from '../../storage/users.ts';
import { addressThatCounts } from '../ownership/standing.ts';

/** What was true of the account when the link was sent; the link ends when it is no longer. */
export interface Grounds {
  /** The address that it was sent to. */
  email: string;
  /** When the password was set that it shall replace, in milliseconds. */
  passwordChangedAt: number | null;
}

export const groundsOf = (account: UserRecord): Grounds => ({
  email: addressThatCounts(account),
  passwordChangedAt: account.passwordChangedAt?.getTime() ?? null,
});

/** Whether a link sent on these grounds may still be used. */
export function stands(grounds: Grounds, account: UserRecord): boolean {
  const { email, passwordChangedAt } = groundsOf(account);
  return (
    account.status === 'active' && email === grounds.email && passwordChangedAt === grounds.passwordChangedAt
  );
}
