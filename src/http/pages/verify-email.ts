import type Router from '@koa/router';
import type { Context } from 'koa';
import type { RegistrationLink } from '../../domain/registration/index.ts';
import { isDomainError } from '../../kernel/errors.ts';
import { anonymousActor } from '../actor.ts';
import { completeAccount } from './create-account.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import type { Flash } from './flash.ts';
import { interactionUrls } from './interaction/place.ts';
import { token, withToken } from './link-token.ts';
import { beginEnrolment } from './login/enrol.ts';
import { posted } from './posted.ts';
import { seeOther } from './replies.ts';
import { signInBrowser } from './sign-in.ts';
import { standaloneUrls } from './standalone.ts';
import type { ViewData } from './views.ts';

const PATH = '/verify-email';

/**
 * Where the links lead that prove an address: one of an account, or one that shall have an account. Opening the page
 * does nothing, because programs that look for viruses open links too.
 */
export function verifyEmailRoutes(router: Router, deps: PageParts): void {
  const { renderer, csrf, flash, verification, registration, returns, arrivals, loginSteps, config } = deps;

  const showDead = (ctx: Context): void => {
    ctx.status = 400;
    renderer.render(ctx, 'message', {
      icon: 'hourglass',
      title: 'link.deadTitle',
      text: 'link.deadVerify',
      link: { url: '/sign-in', label: 'action.signIn' },
    });
  };

  const showRegistration = (
    ctx: Context,
    { email, locale, interaction }: RegistrationLink,
    { problems, values: { name = '', username = '' } }: Flash,
  ): void =>
    renderer.render(ctx, 'create-account', {
      uiLocales: locale ?? undefined,
      leadsToClient: interaction !== null,
      step: 'all',
      action: withToken(PATH, ctx),
      csrf: csrf.token(ctx),
      problems,
      values: { name, username, email },
      proven: true,
      passwordLength: passwordLength(config),
      signInUrl: '/sign-in',
    });

  /** The account is made: on with what the person was doing, if this is the browser that they were doing it in. */
  const arrive = async (ctx: Context, link: RegistrationLink): Promise<void> => {
    const attempt = await completeAccount(ctx, deps, token(ctx), link);
    if (!('signedIn' in attempt)) return flash.leave(ctx, withToken(PATH, ctx), attempt);
    const { signedIn, enrol } = attempt;
    const { interaction } = link;
    const { accountId: id, securityVersion, remember, ...arrival } = signedIn;
    const account = { id, securityVersion };
    const place =
      interaction !== null && returns.read(ctx, '/') === interaction ? interactionUrls(interaction) : null;
    if (place) returns.clear(ctx, '/');
    if (enrol) return beginEnrolment(ctx, deps, place ?? standaloneUrls, account, 'password', remember);
    if (place) {
      const token = loginSteps.seal('arrival', account, arrival);
      arrivals.set(ctx, place.path, { token, remember });
      return seeOther(ctx, place.urls.onward);
    }
    await signInBrowser(ctx, deps, signedIn);
    if (interaction === null) return seeOther(ctx, '/');
    return flash.leave(ctx, withToken(PATH, ctx), { values: { created: 'yes' } });
  };

  /** What the form did; undefined when it is still to be sent. */
  const doneBy = ({ values: { created, verified } }: Flash): ViewData<'message'> | undefined => {
    const link = { url: '/', label: 'action.home' } as const;
    if (created !== undefined)
      return { icon: 'check', title: 'createAccount.doneTitle', text: 'createAccount.doneElsewhere', link };
    if (verified === undefined) return undefined;
    const text = { key: 'verify.doneText' as const, params: { email: verified } };
    return { icon: 'check', title: 'verify.doneTitle', text, link };
  };

  router.get(PATH, async (ctx: Context) => {
    const left = flash.read(ctx);
    if (left.values['dead'] !== undefined) return showDead(ctx);
    const done = doneBy(left);
    if (done) return renderer.render(ctx, 'message', done);
    const link = await registration.peek(token(ctx));
    if (link) return showRegistration(ctx, link, left);
    const found = await verification.peek(token(ctx), anonymousActor(ctx, 'pages'));
    if (!found) return showDead(ctx);
    return renderer.render(ctx, 'verify-email', {
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
      if (link) return await arrive(ctx, link);
      const { user } = await verification.confirm(token(ctx), anonymousActor(ctx, 'pages'));
      return flash.leave(ctx, withToken(PATH, ctx), { values: { verified: user.email } });
    } catch (error) {
      // Somebody else has the address, or the link was used, by now.
      const isDead =
        isDomainError(error, 'invalid_verification_token') || isDomainError(error, 'email_taken');
      if (!isDead) throw error;
      return flash.leave(ctx, withToken(PATH, ctx), { values: { dead: 'yes' } });
    }
  });
}
