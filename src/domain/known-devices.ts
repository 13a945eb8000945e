import { randomToken } from '../core/ids.ts';
import type { UserRecord } from '../storage/users.ts';

/**
 * That an account signed in with a browser, as that browser keeps it, sealed. It opens nothing: guesses are counted by it
 * instead of by their address, so that strangers who fill the account's count do not keep its owner out. It ends with all
 * that changes how the account is opened.
 */
export interface KnownDevice {
  /** Of this browser and account: what its guesses are counted under. */
  id: string;
  accountId: string;
  securityVersion: number;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

type Account = Pick<UserRecord, 'id' | 'securityVersion'>;

/** Seconds. */
export const KNOWN_DEVICE_TTL = 180 * 86_400;

/** Accounts that one browser remembers, the latest first. */
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

/** The id of the browser for `account`; null when it is not known to it (any more). */
export const deviceIdFor = (
  known: readonly KnownDevice[],
  account: Account | null,
  now: number,
): string | null =>
  known.find(
    ({ accountId, securityVersion, expiresAt }) =>
      accountId === account?.id && securityVersion === account.securityVersion && expiresAt > now,
  )?.id ?? null;
