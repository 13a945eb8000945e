import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Shown, VerificationLink } from '../../domain/verification/index.ts';
import type { RegistrationLink } from '../../domain/registration.ts';
import { isDomainError } from '../../core/errors.ts';
import { anonymousActor } from '../actor.ts';
import { answerCheck, askedControls, completeAccount, isCheck } from './create-account.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import type { Flash } from './flash.ts';
import { field, posted } from './form.ts';
import { interactionUrls } from './interaction/routes.ts';
import { showDeadLink, token, withToken } from './reset-password.ts';
import { beginEnrolment } from './login/enrol.ts';
import { missing } from './problems.ts';
import { seeOther, withParameter } from './replies.ts';
import { attempt, signInBrowser } from './sign-in.ts';
import { standaloneUrls } from './standalone.ts';
import type { ViewData } from './views.ts';

const PATH = '/verify-email';

type Asked = ViewData<'verify-email'>['asks'];

/**
 * Pages of the links that verify an address: of an account, or of one to be created. Opening a page changes nothing, because
 * virus scanners open links too. A person who is not signed in to the account enters its password, or states that they do not
 * know it: then they did not create it.
 */
export function verifyEmailRoutes(router: Router, deps: PageParts): void {
  const { renderer, csrf, flash, verification, registration, sessions, config } = deps;
  const { returns, completedLogins, loginSteps } = deps;

  const showRegistration = (ctx: Context, link: RegistrationLink, { problems, values }: Flash): void => {
    const { email, locale, interaction } = link;
    const { name = '', username = '' } = values;
    const uiLocales = locale ?? undefined;
    renderer.render(ctx, 'create-account', {
      uiLocales,
      leadsToClient: interaction !== null,
      step: 'all',
      action: withToken(PATH, ctx),
      csrf: csrf.token(ctx),
      problems,
      ...askedControls(ctx, deps, { uiLocales }),
      values: { ...values, name, username, email },
      proven: true,
      passwordLength: passwordLength(config),
      signInUrl: (signInOf(ctx, link) ?? standaloneUrls).urls.signIn,
    });
  };

  /** The sign-in in which the registration started, if this is the same browser. */
  const signInOf = (ctx: Context, { interaction }: RegistrationLink) =>
    interaction !== null && returns.read(ctx, '/') === interaction ? interactionUrls(interaction) : null;

  /** The account exists: resume the person's request, if it started in this browser. */
  const signInHere = async (ctx: Context, link: RegistrationLink): Promise<void> => {
    const completed = await completeAccount(ctx, deps, token(ctx), link);
    if (!('signedIn' in completed)) return flash.leave(ctx, withToken(PATH, ctx), completed);
    const { signedIn, enrol } = completed;
    const { interaction } = link;
    const { accountId: id, securityVersion, remember, ...login } = signedIn;
    const account = { id, securityVersion };
    const signIn = signInOf(ctx, link);
    if (signIn) returns.clear(ctx, '/');
    if (enrol) return beginEnrolment(ctx, deps, signIn ?? standaloneUrls, account, 'password', remember);
    if (signIn) {
      const token = loginSteps.seal('arrival', account, login);
      completedLogins.set(ctx, signIn.path, { token, remember });
      return seeOther(ctx, signIn.urls.continue);
    }
    const next =
      interaction === null ? '/' : flash.keep(ctx, withToken(PATH, ctx), { values: { created: 'yes' } });
    return seeOther(ctx, await signInBrowser(ctx, deps, signedIn, next));
  };

  /** The result of the form; undefined before it is posted. */
  const doneBy = ({
    values: { created, verified, reset, disowned },
  }: Flash): ViewData<'message'> | undefined => {
    const link = { url: '/', label: 'action.home' } as const;
    if (disowned !== undefined) {
      const text = { key: 'verify.disownedText' as const, params: { email: disowned } };
      return { icon: 'check', title: 'verify.disownedTitle', text, link };
    }
    if (created !== undefined)
      return { icon: 'check', title: 'createAccount.doneTitle', text: 'createAccount.doneElsewhere', link };
    if (verified === undefined) return undefined;
    const params = { email: verified };
    if (reset === undefined)
      return { icon: 'check', title: 'verify.doneTitle', text: { key: 'verify.doneText', params }, link };
    const onward = { url: withParameter('/reset-password', 'token', reset), label: 'reset.title' } as const;
    return {
      icon: 'check',
      title: 'verify.doneTitle',
      text: { key: 'verify.clearedText', params },
      link: onward,
    };
  };

  /** Whether this browser is signed in to the account. */
  const isSignedInTo = async (ctx: Context, { id }: { id: string }): Promise<boolean> =>
    (await sessions.current(ctx.req, ctx.res))?.accountId === id;

  /** The proof required to use a link; none when the owner is certain. */
  const asksFor = async (ctx: Context, { user, isMove }: VerificationLink): Promise<Asked> => {
    const isPlain = (!isMove && user.ownerProvenAt !== null) || (await isSignedInTo(ctx, user));
    if (isPlain) return 'nothing';
    return user.hasPassword ? 'password' : 'sign-in';
  };

  /** The posted proof of ownership. */
  const shownBy = async (ctx: Context): Promise<Shown> => {
    const password = field(ctx, 'password');
    if (password !== '' && field(ctx, 'unknown') === '') return { by: 'password', password };
    const session = await sessions.current(ctx.req, ctx.res);
    return { by: 'session', accountId: session?.accountId ?? null };
  };

  const confirm = async (ctx: Context): Promise<void> => {
    const actor = anonymousActor(ctx, 'pages');
    const page = withToken(PATH, ctx);
    const shown = await shownBy(ctx);
    // An empty field is a slip. It does not say that the person does not know the account: that would clear it.
    if (shown.by === 'session' && field(ctx, 'unknown') === '') {
      const found = await verification.peek(token(ctx), actor);
      if (found && (await asksFor(ctx, found)) !== 'nothing')
        return flash.leave(ctx, page, { status: 400, problems: [missing('password')] });
    }
    const confirmed = await attempt(
      () => verification.confirm(token(ctx), actor, shown),
      passwordLength(config),
      400,
    );
    if ('problems' in confirmed) return flash.leave(ctx, page, confirmed);
    const { user, resetToken } = confirmed;
    const values = { verified: user.email, ...(resetToken === null ? {} : { reset: resetToken }) };
    return flash.leave(ctx, page, { values });
  };

  const disown = async (ctx: Context): Promise<void> => {
    const actor = anonymousActor(ctx, 'pages');
    const found = await verification.peek(token(ctx), actor);
    await verification.disown(token(ctx), actor);
    return flash.leave(ctx, withToken(PATH, ctx), { values: { disowned: found?.email ?? '' } });
  };

  router.get(PATH, async (ctx: Context) => {
    const left = flash.read(ctx);
    if (left.values['dead'] !== undefined) return showDeadLink(ctx, renderer, 'link.deadVerify');
    const done = doneBy(left);
    if (done) return renderer.render(ctx, 'message', done);
    const link = await registration.peek(token(ctx));
    if (link) return showRegistration(ctx, link, left);
    const found = await verification.peek(token(ctx), anonymousActor(ctx, 'pages'));
    if (!found) return showDeadLink(ctx, renderer, 'link.deadVerify');
    return renderer.render(ctx, 'verify-email', {
      asks: await asksFor(ctx, found),
      isMove: found.isMove,
      action: withToken(PATH, ctx),
      csrf: csrf.token(ctx),
      problems: left.problems,
      email: found.email,
    });
  });

  const form = posted(deps, (ctx) => withToken(PATH, ctx));
  router.post(PATH, ...form, async (ctx: Context) => {
    try {
      const link = await registration.peek(token(ctx));
      if (link && isCheck(ctx)) return await answerCheck(ctx, deps, link.email, withToken(PATH, ctx));
      if (link) return await signInHere(ctx, link);
      return await (field(ctx, 'disown') === '' ? confirm(ctx) : disown(ctx));
    } catch (error) {
      // Another account has the address by now, or the link was used.
      const isDead =
        isDomainError(error, 'invalid_verification_token') || isDomainError(error, 'email_taken');
      if (!isDead) throw error;
      return flash.leave(ctx, withToken(PATH, ctx), { values: { dead: 'yes' } });
    }
  });
}
