import type { Clock } from '../kernel/clock.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { UserRecord } from '../storage/users.ts';

/** What came first. */
export type FirstFactor = 'password' | 'federated';

/** A login whose first factor was right and whose second is still to come. */
interface PendingLogin {
  accountId: string;
  first: FirstFactor;
  /** When the password was set that was right, in milliseconds. */
  passwordChangedAt: number | null;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Half-done logins as tokens that only this service can read: nothing is kept, and the page needs no password. */
export interface PendingLogins {
  create(account: UserRecord, first: FirstFactor): string;
  /**
   * Whose login it is, and what it began with.
   * @param find the account of an id.
   * @returns null when it is no such token, has expired, or the account's password has been changed since.
   */
  loginOf(
    token: unknown,
    find: (id: string) => Promise<UserRecord | null>,
  ): Promise<{ account: UserRecord; first: FirstFactor } | null>;
}

const PURPOSE = 'pending-login';
const TTL = 10 * 60_000;

export function createPendingLogins({ secrets, clock }: { secrets: Secrets; clock: Clock }): PendingLogins {
  const open = (token: unknown): PendingLogin | null => {
    if (typeof token !== 'string') return null;
    try {
      return JSON.parse(secrets.open(PURPOSE, Buffer.from(token, 'base64url'))) as PendingLogin;
    } catch {
      // Not one of ours.
      return null;
    }
  };
  const changedAt = ({ passwordChangedAt }: UserRecord) => passwordChangedAt?.getTime() ?? null;
  return {
    create(account, first) {
      const pending: PendingLogin = {
        accountId: account.id,
        first,
        passwordChangedAt: changedAt(account),
        expiresAt: clock.now() + TTL,
      };
      return secrets.seal(PURPOSE, JSON.stringify(pending)).toString('base64url');
    },
    async loginOf(token, find) {
      const pending = open(token);
      if (!pending || pending.expiresAt <= clock.now()) return null;
      const account = await find(pending.accountId);
      return account && changedAt(account) === pending.passwordChangedAt
        ? { account, first: pending.first }
        : null;
    },
  };
}
