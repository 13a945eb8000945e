import { DomainError } from '../kernel/errors.ts';
import { sha256 } from '../kernel/ids.ts';
import type { Counters } from '../storage/counters.ts';
import { sourceOf } from './source.ts';

interface Guesser {
  ip: string | null;
  accountId: string | null;
}

/**
 * Bounds guesses at short codes that are no account's: of one source, and of one account, a number of codes that are
 * none in a window. A guess is counted before it is looked at, so that parallel ones gain nothing.
 * @param what the kind of code; each has counts of its own.
 * @param look finds what the code stands for; undefined when it is none.
 * @throws DomainError rate_limited when one of the counts is full, unavailable when the counters are.
 */
export type GuessLimit = <T>(
  what: string,
  guesser: Guesser,
  look: () => Promise<T | undefined>,
) => Promise<T | undefined>;

/** Wrong codes within the window, in seconds: with 34 bits in a code, and a few minutes for it, far too few. */
const MOST = 20;
const WINDOW = 600;

export function createGuessLimit(counters: Counters): GuessLimit {
  return async (what, { ip, accountId }, look) => {
    const guessers = [`source:${sourceOf(ip)}`, ...(accountId === null ? [] : [`account:${accountId}`])];
    const keys = guessers.map((guesser) => `guess:${what}:${sha256(guesser)}`);
    const counts = await Promise.all(keys.map((key) => counters.add(key, 1, WINDOW)));
    const full = counts.filter(({ count }) => count > MOST);
    if (full.length > 0) {
      const retryAfter = Math.max(...full.map(({ expiresIn }) => expiresIn));
      throw new DomainError('rate_limited', { retryAfter });
    }
    const found = await look();
    if (found !== undefined) await Promise.all(keys.map((key) => counters.add(key, -1, WINDOW)));
    return found;
  };
}
