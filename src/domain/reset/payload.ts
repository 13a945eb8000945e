import type { UserRecord } from '../../storage/users.ts';
import { addressThatCounts } from '../ownership/standing.ts';

/** What was true of the account when the link was sent; the link ends when it is no longer. */
export interface ResetPayload {
  /** The address that it was sent to. */
  email: string;
  /** When the password was set that it shall replace, in milliseconds. */
  passwordChangedAt: number | null;
}

export const payloadOf = (account: UserRecord): ResetPayload => ({
  email: addressThatCounts(account),
  passwordChangedAt: account.passwordChangedAt?.getTime() ?? null,
});

/** Whether a link with this payload may still be used. */
export function isCurrent(payload: ResetPayload, account: UserRecord): boolean {
  const { email, passwordChangedAt } = payloadOf(account);
  return (
    account.status === 'active' && email === payload.email && passwordChangedAt === payload.passwordChangedAt
  );
}
