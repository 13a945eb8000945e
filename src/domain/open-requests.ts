import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import type { Counters } from '../storage/counters.ts';

/** Key of the count, limit of open requests, and lifetime of each in seconds. */
export interface Bound {
  of: string;
  limit: number;
  life: number;
}

/** Bounds what unauthenticated requests leave in the stores. */
export interface OpenRequests {
  /** Counts a new one. @throws DomainError rate_limited at the limit, unavailable. */
  open(bound: Bound): Promise<void>;
  /** Uncounts one that ended early. @param openedAt seconds since the epoch. */
  close(bound: Bound, openedAt: number): Promise<void>;
}

/**
 * Counts in windows as long as a request may be open: the current and the previous window hold all open ones. Expired
 * requests count until the last one of their window has expired, so that there are never more than `limit`.
 */
export function createOpenRequests({ counters, clock }: { counters: Counters; clock: Clock }): OpenRequests {
  const stretchOf = (seconds: number, life: number) => Math.floor(seconds / life);
  const keyOf = (of: string, stretch: number) => `open:${sha256(of)}:${stretch}`;
  return {
    async open({ of, limit, life }) {
      const stretch = stretchOf(clock.now() / 1000, life);
      const [now, before] = await Promise.all([
        counters.extend(keyOf(of, stretch), 1, life),
        counters.get(keyOf(of, stretch - 1)),
      ]);
      if (now + (before?.count ?? 0) <= limit) return;
      await counters.extend(keyOf(of, stretch), -1, life);
      throw new DomainError('rate_limited', { retryAfter: before?.expiresIn ?? life });
    },
    async close({ of, life }, openedAt) {
      await counters.extend(keyOf(of, stretchOf(openedAt, life)), -1, life);
    },
  };
}
