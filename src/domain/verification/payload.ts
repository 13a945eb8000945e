import type { UserRecord } from '../../storage/users.ts';

/** What a link verifies, and what was true of the account when it was sent. */
export interface VerificationPayload {
  /** The address that the account had. */
  from: string;
  /** The address that the link was sent to: the same, or the one that shall take its place. */
  to: string;
  /** When the password was set, in milliseconds. */
  passwordChangedAt: number | null;
}

type Account = Pick<UserRecord, 'email' | 'passwordChangedAt' | 'status'>;

export const payloadOf = ({ email, passwordChangedAt }: Account, to: string): VerificationPayload => ({
  from: email,
  to,
  passwordChangedAt: passwordChangedAt?.getTime() ?? null,
});

/**
 * Whether a link with this payload may still be used. A new password ends the change of an address that was asked
 * for before: who asked may be the one whom it keeps out.
 */
export function isCurrent(payload: VerificationPayload, account: Account): boolean {
  const { from, passwordChangedAt } = payloadOf(account, payload.to);
  if (account.status !== 'active' || from !== payload.from) return false;
  return payload.to === payload.from || passwordChangedAt === payload.passwordChangedAt;
}
