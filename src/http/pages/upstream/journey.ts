import type { Context } from 'koa';
import { isDomainError } from '../../../kernel/errors.ts';
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

/** Who came back on the journey that the query names (`state`), for as long as the page at `path` has not used it up. */
export function arrived(ctx: Context, { upstreamCookies }: PageParts, path: string): Identity | null {
  const { state } = ctx.query;
  return isState(state) ? upstreamCookies.identity(state).read(ctx, path) : null;
}

/** Uses it up. */
export function settle(ctx: Context, { upstreamCookies }: PageParts, path: string): void {
  const { state } = ctx.query;
  if (isState(state)) upstreamCookies.identity(state).clear(ctx, path);
}
