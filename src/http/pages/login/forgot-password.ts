import type Router from '@koa/router';
import { isDomainError } from '../../../kernel/errors.ts';
import { anonymousActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing, problemOf, type Problem } from '../problems.ts';
import { refused } from '../replies.ts';
import { mailSent } from './mail-sent.ts';
import type { PlaceContext, Steps } from './place.ts';

/** Asking for a link to choose a new password: the same page whoever was named. */
export function forgotPasswordRoutes(
  router: Router,
  path: string,
  { open, posted }: Steps,
  deps: PageParts,
): void {
  const { config, renderer, csrf, reset } = deps;

  const show = (ctx: PlaceContext, identifier: string, problems: Problem[]): void => {
    const { frame, urls, cancelAction } = ctx.state.place;
    renderer.render(ctx, 'forgot-password', {
      ...frame,
      action: urls.forgot,
      cancelAction,
      csrf: csrf.token(ctx),
      problems,
      identifier,
      signInUrl: urls.signIn,
    });
  };

  router.get(path, open, (ctx: PlaceContext) => show(ctx, ctx.state.place.suggestedIdentifier, []));

  router.post(path, ...posted, async (ctx: PlaceContext) => {
    const { place } = ctx.state;
    const identifier = field(ctx, 'identifier').trim();
    if (!identifier) {
      refused(ctx, { status: 400 });
      return show(ctx, identifier, [missing('identifier')]);
    }
    try {
      const locale = renderer.language(ctx, place.frame);
      await reset.request({ identifier }, anonymousActor(ctx, 'pages'), { locale });
    } catch (error) {
      const problem = isDomainError(error, 'rate_limited') && problemOf(error, passwordLength(config));
      if (!problem) throw error;
      refused(ctx, { status: 429, retryAfter: error.details.retryAfter });
      return show(ctx, identifier, [problem]);
    }
    return mailSent(ctx, deps, {
      text: { key: 'mailSent.reset', params: { address: identifier } },
      againUrl: place.urls.forgot,
    });
  });
}
