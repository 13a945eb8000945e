import { isDomainError } from '../../core/errors.ts';
import { SourceError } from './source.ts';

/** Outcome of a request. */
export type SourceOutcome = 'right' | 'refused' | SourceError['failure'];

export interface BreakerSettings {
  /** Failures in a row. */
  failures: number;
  /** Seconds. */
  wait: number;
}

export interface Breaker {
  /**
   * Does `work`, unless the source is being left alone or is at its limit.
   * @throws SourceError; what `work` throws.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  readonly isOpen: boolean;
}

/** Failures of the source itself; a failure for one account must not block others. */
const COUNTED: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'status', 'redirect', 'too_large']);

/**
 * A circuit breaker for a source: opens after consecutive failures, and closes when a trial request succeeds.
 * @param now monotonic milliseconds.
 */
export function createBreaker(
  { failures, wait }: BreakerSettings,
  concurrency: number,
  now: () => number = () => performance.now(),
): Breaker {
  let inARow = 0;
  let openUntil = 0;
  let running = 0;
  return {
    get isOpen() {
      return inARow >= failures;
    },
    async run(work) {
      if (inARow >= failures) {
        if (now() < openUntil)
          throw new SourceError('breaker_open', 'it is not asked for a while after failures');
        // One request tries; the others wait for its result.
        openUntil = now() + wait * 1000;
      }
      if (running >= concurrency)
        throw new SourceError('busy', `${concurrency} requests are already running`);
      running += 1;
      try {
        const result = await work();
        inARow = 0;
        return result;
      } catch (error) {
        if (error instanceof SourceError && COUNTED.has(error.failure)) {
          inARow += 1;
          if (inARow >= failures) openUntil = now() + wait * 1000;
        } else if (isDomainError(error)) inARow = 0;
        throw error;
      } finally {
        running -= 1;
      }
    },
  };
}
