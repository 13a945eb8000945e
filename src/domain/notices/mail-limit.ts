import { DomainError } from '../../core/errors.ts';
import { sha256 } from '../../core/ids.ts';
import type { Counters } from '../../storage/counters.ts';

/** How often something may be asked for within an hour. */
interface HourlyLimit {
  /** What is counted, such as an address: nothing of it can be read from the counter. */
  of: string;
  limit: number;
  /** Whether the limit is waived. */
  unless?: boolean;
}

/**
 * Bounds the mail that people can have us send.
 * @throws DomainError rate_limited when one of the limits is reached, unavailable when the counters are.
 */
export type MailLimit = (limits: HourlyLimit[]) => Promise<void>;

const HOUR = 3600;

export function createMailLimit(counters: Counters): MailLimit {
  return async (limits) => {
    const counts = await Promise.all(
      limits.map(async (limit) => ({
        ...limit,
        ...(await counters.add(`mail:${sha256(limit.of)}`, 1, HOUR)),
      })),
    );
    for (const { count, limit, expiresIn, unless = false } of counts) {
      if (count <= limit || unless) continue;
      throw new DomainError('rate_limited', { retryAfter: expiresIn });
    }
  };
}
