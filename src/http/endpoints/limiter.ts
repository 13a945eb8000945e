import type { Context } from 'koa';
import type { Settings } from '../../config/index.ts';
import { sha256 } from '../../kernel/ids.ts';
import { DomainError } from '../../kernel/errors.ts';
import type { LimitClass } from './endpoint.ts';

/** Counts with an end, shared by all nodes. */
interface Counters {
  add(key: string, by: number, window: number): Promise<{ count: number; expiresIn: number }>;
}

/** Counts one request of `caller`. @throws DomainError rate_limited. */
export type Limiter = (ctx: Context, door: string, limitClass: LimitClass, caller: string) => Promise<void>;

/**
 * Limits how often a caller may call, by class of endpoint, and says so (RateLimit header fields for HTTP,
 * draft-ietf-httpapi-ratelimit-headers).
 */
export function createLimiter(counters: Counters, limits: Settings['contracts']['limits']): Limiter {
  return async (ctx, door, limitClass, caller) => {
    if (limitClass === 'unlimited') return;
    const { requests, window } = limits[limitClass];
    const { count, expiresIn } = await counters.add(
      `limit:${door}:${limitClass}:${sha256(caller)}`,
      1,
      window,
    );
    ctx.set('RateLimit-Policy', `"${limitClass}";q=${requests};w=${window}`);
    ctx.set('RateLimit', `"${limitClass}";r=${Math.max(0, requests - count)};t=${expiresIn}`);
    if (count > requests) throw new DomainError('rate_limited', { retryAfter: expiresIn });
  };
}
