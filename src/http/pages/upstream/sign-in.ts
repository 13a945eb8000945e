import type { Context } from 'koa';
import type Router from '@koa/router';
import type { Upstream } from '../../../config/index.ts';
import type { Renderer } from '../render.ts';
import { seeOther, withParameter } from '../replies.ts';
import type { UpstreamDisplay } from '../views.ts';
import { type DomainError, type ErrorCode, isDomainError } from '../../../core/errors.ts';
import type { PageParts } from '../dependencies.ts';
import type { Message, MessageKey } from '../i18n.ts';
import { pageStatus } from '../problems.ts';
import { LOGIN_STEP_TTL, type Once } from '../../../domain/login-steps.ts';
import type { Identity } from '../../../upstream/identity.ts';
import { isState } from './cookies.ts';

/** The identity providers shown on a page. @param begin the path that starts a sign-in with one. */
export function upstreamButtons(
  renderer: Pick<Renderer, 'asset'>,
  all: readonly Upstream[],
  begin: string,
): { upstreams: UpstreamDisplay[]; images: string[] } {
  const upstreams = all.map(({ id, name, logo = '' }) => ({
    id,
    name,
    logo: logo.startsWith('https://') ? logo : renderer.asset(logo),
    url: withParameter(begin, 'with', id),
  }));
  const images = upstreams.flatMap(({ logo }) => (logo?.startsWith('https://') ? [logo] : []));
  return { upstreams, images };
}

type Words = { title: MessageKey; text: MessageKey };

const WORDS: Partial<Record<ErrorCode, Words>> = {
  upstream_denied: { title: 'upstream.deniedTitle', text: 'upstream.deniedText' },
  upstream_failed: { title: 'upstream.failedTitle', text: 'upstream.failedText' },
  upstream_unavailable: {
    title: 'upstream.unavailableTitle',
    text: 'upstream.unavailableText',
  },
};

const UNKNOWN: Record<string, MessageKey> = {
  closed: 'upstream.closedText',
  unproven: 'upstream.unprovenText',
  exists: 'upstream.existsText',
};

interface Problem {
  error: DomainError;
  provider: string;
  /** Where to start again. */
  back: string;
  /** The email address from the provider. */
  email?: string | null;
}

/** Explains why a sign-in at another provider failed, with a link to continue. @throws any error without a message. */
export function showProblem(
  ctx: Context,
  { renderer }: PageParts,
  { error, provider, back, email }: Problem,
): void {
  const params = { provider };
  const show = (title: Message, text: Message) => {
    ctx.status = pageStatus(error.code);
    if (ctx.status === 503) ctx.set('Retry-After', '30');
    renderer.render(ctx, 'message', {
      icon: 'alert',
      title,
      text,
      link: { url: back, label: 'upstream.back' },
    });
  };
  const words = WORDS[error.code];
  if (words) return show({ key: words.title, params }, { key: words.text, params });
  if (error.code !== 'identity_unknown') throw error;
  const text = UNKNOWN[error.details.reason ?? ''] ?? 'upstream.closedText';
  return show('upstream.unknownTitle', { key: text, params: { provider, email: email ?? '' } });
}

/** Says that a sign-in is unknown or has expired. */
export function showLost(ctx: Context, { renderer }: PageParts, back = '/sign-in'): void {
  ctx.status = 400;
  renderer.render(ctx, 'message', {
    icon: 'hourglass',
    title: 'upstream.lostTitle',
    text: 'upstream.lostText',
    link: { url: back, label: 'upstream.back' },
  });
}

export const callbackPath = (upstream: string): string => `/upstream/${upstream}/callback`;

interface Targets {
  /** The page that the browser returns to. */
  onward: string;
  /** The path of this page's cookies. */
  path: string;
  /** Where to start again. */
  back: string;
  /** Whether the person must sign in there again, even if already signed in. */
  again: boolean;
}

/** Sends the browser to the provider in the query (`with`), to start a sign-in that only this browser can finish. */
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
 * The identity that returned for the sign-in in the query (`state`) and the page at `path`; null when it has ended. The domain
 * marks the sign-in as used as well, because a browser may keep its cookie.
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

/** Ends the sign-in for this browser. */
export function finishUpstreamSignIn(ctx: Context, { upstreamCookies }: PageParts, path: string): void {
  const { state } = ctx.query;
  if (isState(state)) upstreamCookies.identity(state).clear(ctx, path);
}

/**
 * The callback of other providers. Seals the returned identity for the page where the sign-in started, which decides what it
 * means. Sends the browser there by a page, not by a redirect: a form of the provider may have started this chain of redirects,
 * and browsers check all of them against the `form-action` of the provider's policy.
 */
export function upstreamCallbackRoutes(router: Router, deps: PageParts): void {
  const { renderer, upstream, upstreamCookies } = deps;

  router.get(callbackPath(':id'), async (ctx: Context & { params: { id: string } }) => {
    const { id } = ctx.params;
    const { state } = ctx.query;
    if (!isState(state)) return showLost(ctx, deps);
    const path = callbackPath(id);
    // Sealed for this state and this callback: with a state of another provider (mix-up attack) there is none.
    const signIn = upstreamCookies.signIn(state).read(ctx, path);
    const provider = upstream.registry.find(id);
    if (!signIn || !provider) return showLost(ctx, deps);
    upstreamCookies.signIn(state).clear(ctx, path);
    try {
      const identity = await upstream.relyingParty.finish(provider, signIn.flow, ctx.querystring);
      upstreamCookies.identity(state).set(ctx, signIn.path, identity);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      return showProblem(ctx, deps, { error, provider: provider.name, back: signIn.back });
    }
    ctx.set('Refresh', `0; url=${signIn.onward}`);
    return renderer.render(ctx, 'message', {
      title: 'upstream.goingTitle',
      text: { key: 'upstream.goingText', params: { provider: provider.name } },
      link: { url: signIn.onward, label: 'action.continue' },
    });
  });
}
