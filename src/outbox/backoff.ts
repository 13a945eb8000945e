/** Seconds that a message stays in the outbox before it is given up: three days. */
export const GIVE_UP_AFTER = 3 * 86_400;

/** Seconds between two tries at most: while nothing gets out, and of a message that is refused for good. */
const LONGEST = { outage: 600, refusal: 43_200 };

/**
 * Seconds until the next try: one after the first failure, then twice as long each time, give or take a quarter so that
 * what failed together does not come again together.
 * @param attempt which try has failed, from 1 on.
 */
export function backoff(attempt: number, failure: keyof typeof LONGEST): number {
  return Math.min(2 ** (attempt - 1), LONGEST[failure]) * (0.75 + Math.random() / 2);
}
