import type { Actor } from '../../core/actor.ts';
import { isDomainError } from '../../core/errors.ts';
import type { SignIns } from '../../storage/sign-ins.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Lockout } from '../lockout.ts';
import { sourceOfActor } from '../source.ts';
import type { PasswordHasher } from './hasher.ts';

interface PasswordAttempt {
  /** The subject of the guess: the typed identifier, or the id of a known account. */
  subject: string;
  /** The account behind it, if there is one. */
  account: { id: string; passwordHash: string | null } | null;
  /** The typed password, unchecked. */
  password: unknown;
  actor: Actor;
  /** The id of the browser, where the account signed in with it. */
  device?: string | null;
  /** Aborts when the caller has gone. */
  signal?: AbortSignal | undefined;
  /**
   * Whether another service accepts it; asked when there is no account, or none with a password. When it throws, the guess
   * counts neither as wrong nor as right.
   */
  elsewhere?: ((password: string) => Promise<boolean>) | undefined;
}

export interface PasswordCheck {
  /**
   * Whether it is the account's password. False without an account, without a password or for impossible input, after the same
   * work.
   * @throws DomainError account_locked, overloaded, unavailable; the signal's reason.
   */
  matches(attempt: PasswordAttempt): Promise<boolean>;
  /**
   * A new hash of the account's password, which is right: argon2id with current parameters in place of an older or foreign hash.
   * Null when it is up to date, or when there is no time for it now.
   * @throws DomainError unavailable.
   */
  renewed(account: Holder, password: string): Promise<string | null>;
  /** Stores the new hash, unless the password has changed meanwhile. Not a password change. */
  renew(account: Holder, password: string): Promise<void>;
}

type Holder = Pick<UserRecord, 'id' | 'passwordHash'>;

/** Whether an account still has its earlier password: the hash is the same, or a login has renewed it. */
export const isSamePassword = (
  before: Pick<UserRecord, 'passwordHash' | 'securityVersion'>,
  now: Pick<UserRecord, 'passwordHash' | 'securityVersion'>,
): boolean => before.passwordHash === now.passwordHash || before.securityVersion === now.securityVersion;

/** UTF-16 units: more than `passwords.maxLength` can allow and other systems have allowed. Longer input is not normalized. */
const MAX_PASSWORD_LENGTH = 4096;

const canBePassword = (value: unknown): value is string =>
  typeof value === 'string' &&
  value.length <= MAX_PASSWORD_LENGTH &&
  value.isWellFormed() &&
  !value.includes('\0');

/** The only place where a password is compared, between the checks of the lockout. */
export function createPasswordCheck({
  hasher,
  lockout,
  signIns,
}: {
  hasher: PasswordHasher;
  lockout: Lockout;
  signIns: Pick<SignIns, 'replaceHash'>;
}): PasswordCheck {
  const renewed: PasswordCheck['renewed'] = async ({ passwordHash }, password) => {
    if (passwordHash === null || !hasher.needsRehash(passwordHash, password)) return null;
    return hasher.hash(password).catch((error: unknown) => {
      if (isDomainError(error, 'overloaded')) return null;
      throw error;
    });
  };
  return {
    renewed,
    async renew(account, password) {
      const hash = await renewed(account, password);
      if (hash !== null) await signIns.replaceHash(account, hash);
    },
    async matches({ subject, account, password, actor, device = null, signal, elsewhere }) {
      const guess = { subject, accountId: account?.id ?? null, source: sourceOfActor(actor), device };
      await lockout.check(guess);
      const hash = account?.passwordHash ?? null;
      const typed = canBePassword(password) ? password : null;
      const compare = () =>
        hash !== null && typed !== null
          ? hasher.verify(hash, typed, signal)
          : hasher.verifyDummy(typed ?? '', signal);
      // Both at once: an unknown account costs as much as a known one.
      const right =
        hash === null && elsewhere && typed !== null && typed !== ''
          ? (await Promise.all([elsewhere(typed), compare()]))[0]
          : await compare();
      await (right ? lockout.succeeded(guess) : lockout.failed(guess));
      return right;
    },
  };
}
