import type { Context } from 'koa';
import { LOGIN_STEP_TTL, type Once } from '../../../domain/login-steps.ts';
import { isDomainError } from '../../../core/errors.ts';
import type { Identity } from '../../../upstream/identity.ts';
import type { PageParts } from '../dependencies.ts';
import { seeOther, withParameter } from '../replies.ts';
import { isState } from './cookies.ts';
import { showProblem } from './problems.ts';

export const callbackPath = (upstream: string): string => `/upstream/${upstream}/callback`;

interface Stops {
  /** The page that the browser comes back to. */
  onward: string;
  /** The path that this page's cookies live on. */
  path: string;
  /** Where to begin again. */
  back: string;
  /** Whether the person shall sign in there again, signed in or not. */
  again: boolean;
}

/** Sends the browser to the provider that the query names (`with`), on a journey that only it can end. */
export async function depart(
  ctx: Context,
  deps: PageParts,
  { onward, path, back, again }: Stops,
): Promise<void> {
  const { registry, relyingParty } = deps.upstream;
  const named = ctx.query['with'];
  const upstream = typeof named === 'string' ? registry.find(named) : undefined;
  if (!upstream) return seeOther(ctx, back);
  try {
    const { url, flow } = await relyingParty.begin(upstream, again);
    const journey = { flow, path, back, onward: withParameter(onward, 'state', flow.state) };
    deps.upstreamCookies.journey(flow.state).set(ctx, callbackPath(upstream.id), journey);
    return seeOther(ctx, url);
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return showProblem(ctx, deps, { error, provider: upstream.name, back });
  }
}

/**
 * Who came back on the journey that the query names (`state`), for the page at `path`; null when that has settled it. The
 * domain uses the journey up as well, because a browser may keep its cookie.
 */
export function arrived(
  ctx: Context,
  { upstreamCookies, clock }: PageParts,
  path: string,
): { identity: Identity; once: Once } | null {
  const { state } = ctx.query;
  const identity = isState(state) ? upstreamCookies.identity(state).read(ctx, path) : null;
  return (
    identity && {
      identity,
      once: { id: `upstream:${String(state)}`, expiresAt: clock.now() + LOGIN_STEP_TTL * 1000 },
    }
  );
}

/** Ends it for this browser. */
export function settle(ctx: Context, { upstreamCookies }: PageParts, path: string): void {
  const { state } = ctx.query;
  if (isState(state)) upstreamCookies.identity(state).clear(ctx, path);
}
