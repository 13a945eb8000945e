import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import { anonymousActor } from '../../actor.ts';
import { answerCheck, askedControls, isCheck, tryCreateAccount } from '../create-account.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import type { Left } from '../flash.ts';
import { field } from '../form.ts';
import { formStatus, missing, problemOf } from '../problems.ts';
import { keepReturn, showMailSent } from './mailed-links.ts';
import type { SignInContext, SignInMiddleware } from './context.ts';
import { completeSignIn } from './sign-in.ts';

/**
 * Account creation. Unless `registration.verifyEmail` is off, it starts with only the address; the rest follows with the link
 * that is mailed (`verify-email.ts`). It does not reveal who has an account.
 */
export function createAccountRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  const { config, renderer, csrf, flash, registration } = deps;
  // Read at each request, because it changes while the server runs.
  const byMail = () => config.registration.verifyEmail;

  router.get(path, open, (ctx: SignInContext) => {
    const { frame, urls, cancelAction, interaction } = ctx.state.signIn;
    if (!config.registration.open)
      return renderer.render(ctx, 'create-account', { ...frame, step: 'closed', signInUrl: urls.signIn });
    const { problems, values } = flash.read(ctx);
    const { sentTo, name = '', username = '', email = interaction?.loginHint ?? '' } = values;
    if (sentTo !== undefined)
      return showMailSent(ctx, deps, {
        text: { key: 'mailSent.register', params: { address: sentTo } },
        againUrl: urls.create,
      });
    const entry = { action: urls.create, cancelAction, csrf: csrf.token(ctx), problems };
    if (byMail())
      return renderer.render(ctx, 'create-account', {
        ...frame,
        ...entry,
        step: 'email',
        email,
        signInUrl: urls.signIn,
      });
    return renderer.render(ctx, 'create-account', {
      ...frame,
      ...entry,
      step: 'all',
      ...askedControls(ctx, deps, frame),
      values: { ...values, name, username, email },
      proven: false,
      passwordLength: passwordLength(config),
      signInUrl: urls.signIn,
    });
  });

  const requestByMail = async (ctx: SignInContext): Promise<void> => {
    const { signIn } = ctx.state;
    const email = field(ctx, 'email').trim();
    const refuse = (left: Left) => flash.leave(ctx, signIn.urls.create, { ...left, values: { email } });
    if (!email) return refuse({ status: 400, problems: [missing('email')] });
    try {
      const locale = renderer.language(ctx, signIn.frame);
      const interaction = signIn.interaction?.uid;
      await registration.request(email, anonymousActor(ctx, 'pages'), { locale, interaction });
    } catch (error) {
      const problem = isDomainError(error) ? problemOf(error, passwordLength(config)) : undefined;
      if (!problem || !isDomainError(error)) throw error;
      const status = formStatus(error.code, 400);
      return refuse({ status, retryAfter: error.details.retryAfter, problems: [problem] });
    }
    await keepReturn(ctx, deps);
    flash.leave(ctx, signIn.urls.create, { values: { sentTo: email } });
  };

  router.post(path, ...posted, async (ctx: SignInContext) => {
    if (byMail() && config.registration.open) return requestByMail(ctx);
    if (isCheck(ctx)) return answerCheck(ctx, deps, field(ctx, 'email').trim(), ctx.state.signIn.urls.create);
    const attempt = await tryCreateAccount(ctx, deps, ctx.state.signIn.frame);
    if ('signedIn' in attempt) return completeSignIn(ctx, deps, attempt);
    return flash.leave(ctx, ctx.state.signIn.urls.create, attempt);
  });
}
