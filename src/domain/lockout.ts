import type { Settings } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import { DomainError, isDomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import type { Count, Counters } from '../storage/counters.ts';
import { noUser } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';
import { isShared } from './source.ts';

/**
 * Bounds guesses at names and short codes: each guesser may miss a number of times within ten minutes. Counts before looking, so
 * that parallel attempts gain nothing.
 * @param what the kind of thing; each has its own counts.
 * @param guessers who is counted.
 * @param look finds what was guessed; undefined for nothing.
 * @throws DomainError rate_limited when a count is full, unavailable when the counters are.
 */
export type GuessLimit = <T>(
  what: string,
  guessers: string[],
  limit: number,
  find: () => Promise<T | undefined>,
) => Promise<T | undefined>;

/** Seconds. */
const WINDOW = 600;

export function createGuessLimit(counters: Counters): GuessLimit {
  return async (what, guessers, limit, find) => {
    const keys = guessers.map((guesser) => `guess:${what}:${sha256(guesser)}`);
    const counts = await Promise.all(keys.map((key) => counters.add(key, 1, WINDOW)));
    const full = counts.filter(({ count }) => count > limit);
    if (full.length > 0) {
      const retryAfter = Math.max(...full.map(({ expiresIn }) => expiresIn));
      throw new DomainError('rate_limited', { retryAfter });
    }
    const takeBack = () => Promise.all(keys.map((key) => counters.add(key, -1, WINDOW)));
    let found: Awaited<ReturnType<typeof find>>;
    try {
      found = await find();
    } catch (error) {
      // The attempt revealed nothing.
      await takeBack();
      throw error;
    }
    if (found !== undefined) await takeBack();
    return found;
  };
}

/** One attempt at a secret of an account. */
export interface Guess {
  /** The subject of a guess, existing or not: both must look the same. */
  subject: string;
  /** The account behind it, if there is one. */
  accountId: string | null;
  /** Its source (`sourceOfActor`). */
  source: string;
  /** The id of a browser that the account signed in with (`KnownDevice`). */
  device?: string | null;
}

/**
 * Slows guessing down. One source on one subject has a few attempts, then must wait, twice as long after each failure. One
 * source on any subject, and one subject from everywhere, have a number of failures in a window. These two spare sources that
 * recently signed in to the account, so that no stranger locks its owner out, and browsers that the account signed in with:
 * their few attempts are counted by the browser, wherever it is. A source shared by many people has no count per subject: one of
 * them would lock out all.
 *
 * Outcomes are counted before they are reported: of parallel guesses as many are answered as would have been one after the
 * other, and the rest learn nothing, not even whether they were right. So parallel logins with the right password are not
 * counted.
 *
 * Every method throws DomainError account_locked with the seconds to wait, and unavailable when the counters are.
 */
export interface Lockout {
  /** Call it before looking at the secret. */
  check(guess: Guess): Promise<void>;
  /** Whether `check` refuses. */
  isLocked(guess: Guess): Promise<boolean>;
  /** Counts a wrong guess. When it throws, the guess must not be answered as wrong. */
  failed(guess: Guess): Promise<void>;
  /** Clears the source's failures on the subject. When it throws, the guess must not be answered as right. */
  succeeded(guess: Guess): Promise<void>;
  /** Seconds for which unknown sources and browsers are refused for the account, whatever they try; null when they are not. */
  closedFor(subject: string): Promise<number | null>;
  /** Recent failures on the account, from everywhere. */
  failuresOn(subject: string): Promise<number>;
  /** Resets the subject's count for this source: the owner has authenticated another way. */
  forgive(guess: Guess): Promise<void>;
}

const DAY = 86_400;

const locked = (retryAfter: number) => new DomainError('account_locked', { retryAfter });

/** Hashed keys of equal length, which reveal nothing of the input. */
const keysOf = ({ subject, source, device = null }: Guess) => {
  const pair = sha256(`${subject}\n${device === null ? source : `device:${device}`}`);
  return {
    failures: `lockout:failures:${pair}`,
    wait: `lockout:wait:${pair}`,
    source: `lockout:source:${sha256(source)}`,
    account: `lockout:account:${sha256(subject)}`,
  };
};

const NONE: Count = { count: 0, expiresIn: 1 };

export function createLockout({
  counters,
  signIns,
  clock,
  settings,
}: Pick<Stores, 'counters' | 'signIns'> & { clock: Clock; settings: Settings['lockout'] }): Lockout {
  const { pair, source, account } = settings;
  const memory = Math.max(DAY, 2 * pair.maxWait);
  /** Refuses strangers to the account while a window is full; `own` is 1 when the guess itself is counted already. */
  const refuseStrangers = async (
    { accountId, source: from, device = null }: Guess,
    bySource: Count | null,
    onAccount: Count | null,
    ownCount: number,
  ) => {
    const full = [
      ...(bySource && bySource.count >= source.attempts + ownCount ? [bySource.expiresIn] : []),
      ...(onAccount && onAccount.count >= account.attempts + ownCount ? [onAccount.expiresIn] : []),
    ];
    if (
      full.length === 0 ||
      device !== null ||
      (await signIns.knows(accountId ?? noUser.id, from, clock.now()))
    )
      return;
    throw locked(Math.max(...full));
  };

  const check = async (guess: Guess) => {
    const keys = keysOf(guess);
    const [wait, bySource, onAccount] = await Promise.all([
      counters.get(keys.wait),
      isShared(guess.source) ? null : counters.get(keys.source),
      counters.get(keys.account),
    ]);
    if (wait) throw locked(wait.expiresIn);
    await refuseStrangers(guess, bySource, onAccount, 0);
  };

  return {
    check,
    isLocked: (guess) =>
      check(guess).then(
        () => false,
        (error: unknown) => {
          if (isDomainError(error, 'account_locked')) return true;
          throw error;
        },
      ),
    async failed(guess) {
      const keys = keysOf(guess);
      const count = (by: 1 | -1) =>
        Promise.all([
          counters.add(keys.failures, by, memory),
          isShared(guess.source) ? NONE : counters.add(keys.source, by, source.window),
          counters.add(keys.account, by, account.window),
        ]);
      const [failures, bySource, onAccount] = await count(1);
      try {
        await refuseStrangers(guess, bySource, onAccount, 1);
        if (failures.count < pair.attempts) return;
        const seconds = Math.min(pair.wait * 2 ** (failures.count - pair.attempts), pair.maxWait);
        const wait = await counters.add(keys.wait, 1, seconds);
        // Parallel to the guess that began the wait; only that one gets an answer.
        if (wait.count > 1) throw locked(wait.expiresIn);
      } catch (error) {
        // Don't count a guess that gets no answer: a burst from one source must not lock the account for others.
        await count(-1);
        throw error;
      }
    },
    async succeeded(guess) {
      await check(guess);
      await counters.delete(keysOf(guess).failures);
    },
    async closedFor(subject) {
      const count = await counters.get(`lockout:account:${sha256(subject)}`);
      return count && count.count >= account.attempts ? count.expiresIn : null;
    },
    async failuresOn(subject) {
      return (await counters.get(`lockout:account:${sha256(subject)}`))?.count ?? 0;
    },
    async forgive(guess) {
      const { failures, wait, account } = keysOf(guess);
      await Promise.all([failures, wait, account].map((key) => counters.delete(key)));
    },
  };
}
