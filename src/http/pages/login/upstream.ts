import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import { anonymousActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { seeOther } from '../replies.ts';
import { attempt, outcomeOf } from '../sign-in.ts';
import {
  beginUpstreamSignIn,
  finishUpstreamSignIn,
  returnedIdentity,
  showLost,
  showProblem,
} from '../upstream/sign-in.ts';
import type { SignInContext, SignInMiddleware } from './context.ts';
import { completeSignIn } from './sign-in.ts';

/** Signing in at another provider: out with `?with=`, back with `?state=`. */
export function upstreamRoutes(
  router: Router,
  path: string,
  { open }: SignInMiddleware,
  deps: PageParts,
): void {
  const { upstream, renderer, devices, pending, config } = deps;

  router.get(path, open, async (ctx: SignInContext) => {
    const { signIn } = ctx.state;
    const { urls, interaction } = signIn;
    if (ctx.query['with'] !== undefined) {
      // The person is signed in and has to sign in again.
      const again =
        signIn.notice !== undefined ||
        (interaction?.prompt === 'login' && interaction.accountId !== undefined);
      return beginUpstreamSignIn(ctx, deps, {
        onward: urls.upstream,
        path: signIn.path,
        back: urls.signIn,
        again,
      });
    }
    const returned = returnedIdentity(ctx, deps, signIn.path);
    if (!returned) return showLost(ctx, deps, urls.signIn);
    const { identity, once } = returned;
    finishUpstreamSignIn(ctx, deps, signIn.path);
    const tried = await attempt(
      async () => {
        // A re-authentication needs every factor.
        const device = signIn.asksAll ? null : devices.read(ctx, '/');
        const locale = renderer.language(ctx, signIn.frame);
        const actor = anonymousActor(ctx, 'pages');
        const begun = await upstream.accounts.signIn(identity, { device, locale, once }, actor);
        return 'pending' in begun ? begun : outcomeOf(begun, false);
      },
      passwordLength(config),
      403,
    ).catch((error: unknown) => {
      if (!isDomainError(error, 'identity_unknown')) throw error;
      return { error };
    });
    if ('error' in tried) {
      const provider = upstream.registry.find(identity.upstream)?.name ?? identity.upstream;
      const { error } = tried;
      return showProblem(ctx, deps, { error, provider, back: urls.signIn, email: identity.email });
    }
    if ('signedIn' in tried) return completeSignIn(ctx, deps, tried);
    if ('pending' in tried) {
      pending.set(ctx, signIn.path, { token: tried.pending.token, remember: false });
      return seeOther(ctx, urls.verify);
    }
    return deps.flash.leave(ctx, urls.signIn, tried);
  });
}
