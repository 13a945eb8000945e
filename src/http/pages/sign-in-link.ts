import type Router from '@koa/router';
import type { Context } from 'koa';
import { isDomainError } from '../../core/errors.ts';
import { anonymousActor } from '../actor.ts';
import type { PageParts } from './dependencies.ts';
import { interactionUrls } from './interaction/routes.ts';
import { showDeadLink, token, withToken } from './reset-password.ts';
import { beginEnrolment } from './login/enrol.ts';
import { posted } from './form.ts';
import { seeOther } from './replies.ts';
import { firstFactorOf, outcomeOf, signInBrowser } from './sign-in.ts';
import { standaloneUrls } from './standalone.ts';

const PATH = '/sign-in-link';

/**
 * Pages of the links that sign in an owner whose account strangers have locked. Opening a page changes nothing, because virus
 * scanners open links too. The link signs in whichever browser submits the page, but only the browser that requested it returns
 * to its authorization request.
 */
export function signInLinkRoutes(router: Router, deps: PageParts): void {
  const { renderer, csrf, flash, signInLinks, returns, pending, devices, completedLogins, loginSteps } = deps;

  const actor = (ctx: Context) => anonymousActor(ctx, 'pages');

  router.get(PATH, async (ctx: Context) => {
    const { problems, values } = flash.read(ctx);
    const found = values['dead'] === undefined && (await signInLinks.peek(token(ctx), actor(ctx)));
    if (!found) return showDeadLink(ctx, renderer, 'link.deadSignIn');
    return renderer.render(ctx, 'sign-in-link', {
      action: withToken(PATH, ctx),
      csrf: csrf.token(ctx),
      problems,
      email: found.user.email,
    });
  });

  const signIn = async (ctx: Context): Promise<void> => {
    const begun = await signInLinks.signIn(token(ctx), devices.read(ctx, '/'), actor(ctx));
    const { interaction } = begun;
    const isHere = interaction !== null && returns.read(ctx, '/') === interaction;
    const { path, urls } = isHere ? interactionUrls(interaction) : standaloneUrls;
    if (isHere) returns.clear(ctx, '/');
    if ('pending' in begun) {
      pending.set(ctx, path, { token: begun.pending.token, remember: false });
      return seeOther(ctx, urls.verify);
    }
    const { signedIn, enrol } = outcomeOf(begun, false);
    const { accountId: id, securityVersion, remember, ...login } = signedIn;
    const account = { id, securityVersion };
    if (enrol) return beginEnrolment(ctx, deps, { path, urls }, account, firstFactorOf(login.amr), remember);
    if (isHere) {
      completedLogins.set(ctx, path, { token: loginSteps.seal('arrival', account, login), remember });
      return seeOther(ctx, urls.continue);
    }
    return seeOther(ctx, await signInBrowser(ctx, deps, signedIn, '/account'));
  };

  const form = posted(deps, (ctx) => withToken(PATH, ctx));
  router.post(PATH, ...form, async (ctx: Context) => {
    try {
      return await signIn(ctx);
    } catch (error) {
      // The link is invalid or used, or the account has changed in the meantime.
      if (!isDomainError(error, 'invalid_token') && !isDomainError(error, 'invalid_credentials')) throw error;
      return flash.leave(ctx, withToken(PATH, ctx), { values: { dead: 'yes' } });
    }
  });
}
