import type { UserRecord } from '../../storage/users.ts';

/** Seconds that a link lasts. */
export const SIGN_IN_LINK_TTL = 3600;

/** What was true of the account when the link was sent; the link ends when it is no longer. */
export interface SignInLinkPayload {
  /** The address that it was sent to. */
  email: string;
  securityVersion: number;
  /** The interaction that it was asked for in, if it was in one. */
  interaction: string | null;
}

/** Whether a link may be sent: to the address of an account whose owner has shown that it is theirs. */
export const isOwned = ({ status, emailVerifiedAt, ownerProvenAt }: UserRecord): boolean =>
  status === 'active' && emailVerifiedAt !== null && ownerProvenAt !== null;

/** Whether a link with this payload may still be used. */
export const isCurrent = (payload: SignInLinkPayload, account: UserRecord): boolean =>
  isOwned(account) && account.email === payload.email && account.securityVersion === payload.securityVersion;
