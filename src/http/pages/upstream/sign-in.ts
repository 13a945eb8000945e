import type { Context } from 'koa';
import { LOGIN_STEP_TTL, type Once } from '../../../domain/login-steps.ts';
import { isDomainError } from '../../../core/errors.ts';
import type { Identity } from '../../../upstream/identity.ts';
import type { PageParts } from '../dependencies.ts';
import { seeOther, withParameter } from '../replies.ts';
import { isState } from './cookies.ts';
import { showProblem } from './problems.ts';

export const callbackPath = (upstream: string): string => `/upstream/${upstream}/callback`;

interface Targets {
  /** The page that the browser comes back to. */
  onward: string;
  /** The path that this page's cookies live on. */
  path: string;
  /** Where to begin again. */
  back: string;
  /** Whether the person shall sign in there again, signed in or not. */
  again: boolean;
}

/** Sends the browser to the provider that the query names (`with`), with a sign-in that only it can finish. */
export async function beginUpstreamSignIn(
  ctx: Context,
  deps: PageParts,
  { onward, path, back, again }: Targets,
): Promise<void> {
  const { registry, relyingParty } = deps.upstream;
  const named = ctx.query['with'];
  const upstream = typeof named === 'string' ? registry.find(named) : undefined;
  if (!upstream) return seeOther(ctx, back);
  try {
    const { url, flow } = await relyingParty.begin(upstream, again);
    const signIn = { flow, path, back, onward: withParameter(onward, 'state', flow.state) };
    deps.upstreamCookies.signIn(flow.state).set(ctx, callbackPath(upstream.id), signIn);
    return seeOther(ctx, url);
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return showProblem(ctx, deps, { error, provider: upstream.name, back });
  }
}

/**
 * Who came back for the sign-in that the query names (`state`) and the page at `path`; null when that is over. The
 * domain uses the sign-in up as well, because a browser may keep its cookie.
 */
export function returnedIdentity(
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
export function finishUpstreamSignIn(ctx: Context, { upstreamCookies }: PageParts, path: string): void {
  const { state } = ctx.query;
  if (isState(state)) upstreamCookies.identity(state).clear(ctx, path);
}
