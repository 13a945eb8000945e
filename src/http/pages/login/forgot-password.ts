import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import { anonymousActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import type { Left } from '../flash.ts';
import { field } from '../form.ts';
import { missing, problemOf } from '../problems.ts';
import { keepReturn, showMailSent } from './mail-sent.ts';
import type { SignInContext, SignInMiddleware } from './context.ts';

/** Asking for a link to choose a new password: the same page whoever was named. */
export function forgotPasswordRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  const { config, renderer, csrf, flash, reset } = deps;

  router.get(path, open, (ctx: SignInContext) => {
    const { frame, urls, cancelAction, suggestedIdentifier } = ctx.state.signIn;
    const { problems, values } = flash.read(ctx);
    const { sentTo } = values;
    if (sentTo !== undefined)
      return showMailSent(ctx, deps, {
        text: { key: 'mailSent.reset', params: { address: sentTo } },
        againUrl: urls.forgot,
      });
    return renderer.render(ctx, 'forgot-password', {
      ...frame,
      action: urls.forgot,
      cancelAction,
      csrf: csrf.token(ctx),
      problems,
      identifier: values['identifier'] ?? suggestedIdentifier,
      signInUrl: urls.signIn,
    });
  });

  router.post(path, ...posted, async (ctx: SignInContext) => {
    const { signIn } = ctx.state;
    const identifier = field(ctx, 'identifier').trim();
    const refuse = (left: Left) => flash.leave(ctx, signIn.urls.forgot, { ...left, values: { identifier } });
    if (!identifier) return refuse({ status: 400, problems: [missing('identifier')] });
    try {
      const locale = renderer.language(ctx, signIn.frame);
      await reset.request({ identifier }, anonymousActor(ctx, 'pages'), { locale });
    } catch (error) {
      const problem = isDomainError(error, 'rate_limited') && problemOf(error, passwordLength(config));
      if (!problem) throw error;
      return refuse({ status: 429, retryAfter: error.details.retryAfter, problems: [problem] });
    }
    await keepReturn(ctx, deps);
    return flash.leave(ctx, signIn.urls.forgot, { values: { sentTo: identifier } });
  });
}
