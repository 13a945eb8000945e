import { randomToken } from '../core/ids.ts';
import type { UserRecord } from '../storage/users.ts';

/**
 * A sealed token with which a browser shows that the account signed in there. It grants no access: guesses are counted by it
 * instead of by address, so that strangers who fill the account's count do not lock its owner out. It ends with every change of
 * how the account signs in.
 */
export interface KnownDevice {
  /** Of this browser and account; guesses are counted by it. */
  id: string;
  accountId: string;
  securityVersion: number;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

type Account = Pick<UserRecord, 'id' | 'securityVersion'>;

/** Seconds. */
export const KNOWN_DEVICE_TTL = 180 * 86_400;

/** Maximum of accounts that a browser remembers, latest first. */
const MAX_ACCOUNTS = 4;

/** The cookie value of a browser after a sign-in to `account`. `now` in milliseconds. */
export const withDevice = (
  known: readonly KnownDevice[],
  { id: accountId, securityVersion }: Account,
  now: number,
): KnownDevice[] => {
  const entry = { id: randomToken(12), accountId, securityVersion, expiresAt: now + KNOWN_DEVICE_TTL * 1000 };
  return [entry, ...known.filter((one) => one.accountId !== accountId)].slice(0, MAX_ACCOUNTS);
};

/** The id of the browser for `account`; null when the account is unknown to it or the token has ended. */
export const deviceIdFor = (
  known: readonly KnownDevice[],
  account: Account | null,
  now: number,
): string | null =>
  known.find(
    ({ accountId, securityVersion, expiresAt }) =>
      accountId === account?.id && securityVersion === account.securityVersion && expiresAt > now,
  )?.id ?? null;
