import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import type { Message } from '../i18n.ts';
import type { SignInContext, SignInMiddleware } from './context.ts';
import { isDomainError } from '../../../core/errors.ts';
import { anonymousActor } from '../../actor.ts';
import { field } from '../form.ts';
import { missing, problemOf } from '../problems.ts';
import { seeOther } from '../replies.ts';
import type { Left } from '../flash.ts';

/**
 * Call when a link is mailed. Lets this browser, and only this one, return from the link to its authorization request, which is
 * kept for as long as the link lasts.
 */
export async function keepReturn(ctx: SignInContext, { returns, interactions }: PageParts): Promise<void> {
  const { interaction } = ctx.state.signIn;
  if (!interaction) return;
  await interactions.prolong(interaction.uid);
  returns.set(ctx, '/', interaction.uid);
}

/** Tells the person that a link was mailed. */
export function showMailSent(
  ctx: SignInContext,
  { renderer, devMailUrl }: PageParts,
  { text, againUrl }: { text: Message; againUrl: string },
): void {
  const { frame, urls } = ctx.state.signIn;
  renderer.render(ctx, 'mail-sent', { ...frame, text, againUrl, signInUrl: urls.signIn, devMailUrl });
}

/** Requests a sign-in link where wrong passwords have locked the account. The page is the same for any name. */
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

/** Requests a password-reset link. The page is the same for any name. */
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
