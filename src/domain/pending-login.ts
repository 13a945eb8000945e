import type { Clock } from '../kernel/clock.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { UserRecord } from '../storage/users.ts';

/** A login whose password was right and whose second factor is still to come. */
interface PendingLogin {
  accountId: string;
  /** When the password was set that was right, in milliseconds. */
  passwordChangedAt: number | null;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Half-done logins as tokens that only this service can read: nothing is kept, and the page needs no password. */
export interface PendingLogins {
  create(account: UserRecord): string;
  /**
   * Whose login it is.
   * @param find the account of an id.
   * @returns null when it is no such token, has expired, or the account's password has been changed since.
   */
  accountOf(token: unknown, find: (id: string) => Promise<UserRecord | null>): Promise<UserRecord | null>;
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
    create(account) {
      const pending: PendingLogin = {
        accountId: account.id,
        passwordChangedAt: changedAt(account),
        expiresAt: clock.now() + TTL,
      };
      return secrets.seal(PURPOSE, JSON.stringify(pending)).toString('base64url');
    },
    async accountOf(token, find) {
      const pending = open(token);
      if (!pending || pending.expiresAt <= clock.now()) return null;
      const account = await find(pending.accountId);
      return account && changedAt(account) === pending.passwordChangedAt ? account : null;
    },
  };
}
