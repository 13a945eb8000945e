import type { Context } from 'koa';
import type { Settings } from '../../config/index.ts';
import { isShared, sourceOfActor } from '../../domain/source.ts';
import type { Actor } from '../../core/actor.ts';
import { sha256 } from '../../core/ids.ts';
import { DomainError } from '../../core/errors.ts';
import type { LimitClass } from './endpoint.ts';

/** Expiring counters, shared by all nodes. */
interface Counters {
  add(key: string, by: number, window: number): Promise<{ count: number; expiresIn: number }>;
}

/**
 * Counts a request of `caller`, or as many requests as it stands for. Counts nothing for null.
 * @throws DomainError rate_limited, unavailable.
 */
export type Limiter = (
  ctx: Context,
  api: string,
  limitClass: LimitClass,
  caller: string | null,
  requests?: number,
) => Promise<void>;

/** The caller to count a request under that is limited by source; null when many people may share the source. */
export function sourceCaller(actor: Actor): string | null {
  const source = sourceOfActor(actor);
  return isShared(source) ? null : `source ${source}`;
}

/**
 * Limits how often a caller may call, by class of endpoint, and reports it (RateLimit header fields for HTTP,
 * draft-ietf-httpapi-ratelimit-headers).
 */
export function createLimiter(counters: Counters, limits: Settings['contracts']['limits']): Limiter {
  return async (ctx, api, limitClass, caller, cost = 1) => {
    if (limitClass === 'unlimited' || caller === null) return;
    const { requests, window } = limits[limitClass];
    const { count, expiresIn } = await counters.add(
      `limit:${api}:${limitClass}:${sha256(caller)}`,
      cost,
      window,
    );
    ctx.set('RateLimit-Policy', `"${limitClass}";q=${requests};w=${window}`);
    ctx.set('RateLimit', `"${limitClass}";r=${Math.max(0, requests - count)};t=${expiresIn}`);
    if (count > requests) throw new DomainError('rate_limited', { retryAfter: expiresIn });
  };
}
