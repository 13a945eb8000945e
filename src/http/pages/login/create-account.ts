import type Router from '@koa/router';
import { isDomainError } from '../../../kernel/errors.ts';
import { anonymousActor } from '../../actor.ts';
import { tryCreateAccount, type Values } from '../create-account.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing, problemOf, type Problem } from '../problems.ts';
import { refused, seeOther } from '../replies.ts';
import { mailSent } from './mail-sent.ts';
import type { PlaceContext, Steps } from './place.ts';

/**
 * Creating an account. Unless `registration.verifyEmail` is off it begins with the address alone: the rest follows by
 * the link that is sent there (`verify-email.ts`), and nobody learns who has an account.
 */
export function createAccountRoutes(
  router: Router,
  path: string,
  { open, posted }: Steps,
  deps: PageParts,
): void {
  const { config, renderer, csrf, registration } = deps;
  const byMail = config.registration.verifyEmail;

  const show = (ctx: PlaceContext, values: Values, problems: Problem[]): void => {
    const { frame, urls, cancelAction } = ctx.state.place;
    if (!config.registration.open) {
      renderer.render(ctx, 'create-account', { ...frame, step: 'closed', signInUrl: urls.signIn });
      return;
    }
    const entry = { action: urls.create, cancelAction, csrf: csrf.token(ctx), problems };
    if (byMail) {
      const { email } = values;
      renderer.render(ctx, 'create-account', {
        ...frame,
        ...entry,
        step: 'email',
        email,
        signInUrl: urls.signIn,
      });
      return;
    }
    renderer.render(ctx, 'create-account', {
      ...frame,
      ...entry,
      step: 'all',
      values,
      proven: false,
      passwordLength: passwordLength(config),
      signInUrl: urls.signIn,
    });
  };

  const requestByMail = async (ctx: PlaceContext): Promise<void> => {
    const { place } = ctx.state;
    const email = field(ctx, 'email').trim();
    const values = { name: '', username: '', email };
    if (!email) {
      refused(ctx, { status: 400 });
      return show(ctx, values, [missing('email')]);
    }
    try {
      const locale = renderer.language(ctx, place.frame);
      const interaction = place.interaction?.uid;
      await registration.request(email, anonymousActor(ctx, 'pages'), { locale, interaction });
    } catch (error) {
      const problem = isDomainError(error) ? problemOf(error, passwordLength(config)) : undefined;
      if (!problem || !isDomainError(error)) throw error;
      const isLimit = error.code === 'rate_limited';
      refused(ctx, { status: isLimit ? 429 : 400, retryAfter: error.details.retryAfter });
      return show(ctx, values, [problem]);
    }
    mailSent(ctx, deps, {
      text: { key: 'mailSent.register', params: { address: email } },
      againUrl: place.urls.create,
    });
  };

  router.get(path, open, (ctx: PlaceContext) => {
    const { interaction } = ctx.state.place;
    show(ctx, { name: '', username: '', email: interaction?.loginHint ?? '' }, []);
  });

  router.post(path, ...posted, async (ctx: PlaceContext) => {
    if (byMail && config.registration.open) return requestByMail(ctx);
    const attempt = await tryCreateAccount(ctx, deps, ctx.state.place.frame);
    if ('signedIn' in attempt) return seeOther(ctx, await ctx.state.place.finish(ctx, attempt.signedIn));
    refused(ctx, attempt);
    show(ctx, attempt.values, attempt.problems);
  });
}
