import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import { anonymousActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { problemOf } from '../problems.ts';
import { seeOther } from '../replies.ts';
import { keepReturn, showMailSent } from './mail-sent.ts';
import type { SignInContext, SignInMiddleware } from './context.ts';

/** Asking for a link that signs in, where wrong passwords have locked the account: the same page whoever was named. */
export function linkRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  const { config, renderer, flash, signInLinks } = deps;

  router.get(path, open, (ctx: SignInContext) => {
    const { urls } = ctx.state.signIn;
    const { sentTo } = flash.read(ctx).values;
    if (sentTo === undefined) return seeOther(ctx, urls.signIn);
    return showMailSent(ctx, deps, {
      text: { key: 'mailSent.signIn', params: { address: sentTo } },
      againUrl: urls.signIn,
    });
  });

  router.post(path, ...posted, async (ctx: SignInContext) => {
    const { signIn } = ctx.state;
    const identifier = field(ctx, 'identifier').trim();
    if (!identifier) return seeOther(ctx, signIn.urls.signIn);
    try {
      const interaction = signIn.interaction?.uid ?? null;
      const locale = renderer.language(ctx, signIn.frame);
      await signInLinks.request({ identifier }, anonymousActor(ctx, 'pages'), { interaction, locale });
    } catch (error) {
      const problem = isDomainError(error, 'rate_limited') && problemOf(error, passwordLength(config));
      if (!problem) throw error;
      const { retryAfter } = error.details;
      const left = { status: 429, retryAfter, problems: [problem], values: { identifier } };
      return flash.leave(ctx, signIn.urls.signIn, left);
    }
    await keepReturn(ctx, deps);
    return flash.leave(ctx, signIn.urls.link, { values: { sentTo: identifier } });
  });
}
