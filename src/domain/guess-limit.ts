import { DomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import type { Counters } from '../storage/counters.ts';

/**
 * Bounds tries at names and short codes that stand for something, by whoever tries: of each a number within ten minutes
 * that stand for nothing. A try is counted before it is looked at, so that parallel ones gain nothing.
 * @param what the kind of thing; each has counts of its own.
 * @param guessers whom it is counted against.
 * @param look finds what it stands for; undefined for nothing.
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
