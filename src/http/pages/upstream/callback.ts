import type Router from '@koa/router';
import type { Context } from 'koa';
import { isDomainError } from '../../../core/errors.ts';
import type { PageParts } from '../dependencies.ts';
import { isState } from './cookies.ts';
import { callbackPath } from './sign-in.ts';
import { showLost, showProblem } from './problems.ts';

/**
 * Where other providers send people back to. Who came back is sealed for the page that the sign-in began on, which decides
 * what that means. The browser gets there by a page and not by a redirect: the provider's own form may have begun this chain
 * of redirects, and browsers hold all of it against the provider's policy.
 */
export function upstreamCallbackRoutes(router: Router, deps: PageParts): void {
  const { renderer, upstream, upstreamCookies } = deps;

  router.get(callbackPath(':id'), async (ctx: Context & { params: { id: string } }) => {
    const { id } = ctx.params;
    const { state } = ctx.query;
    if (!isState(state)) return showLost(ctx, deps);
    const path = callbackPath(id);
    const signIn = upstreamCookies.signIn(state).read(ctx, path);
    const provider = upstream.registry.find(id);
    // A state that another provider was given is not for this one (mix-up).
    if (!signIn || !provider || signIn.flow.upstream !== id || signIn.flow.state !== state)
      return showLost(ctx, deps);
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
