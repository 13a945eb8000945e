import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import { missing } from '../problems.ts';
import { seeOther } from '../replies.ts';
import { attempt, signInBrowser } from '../sign-in.ts';
import {
  type AccountContext,
  accountFrame,
  type AccountSteps,
  doneAt,
  doneUrl,
  ownerActor,
} from './context.ts';

const EMAIL_PATH = '/account/email';

/** The email address. A new one counts only once it is confirmed, and the old one is notified. */
export function emailRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, verification, config, devMailUrl } = deps;

  router.get(EMAIL_PATH, ...steps.openFresh(EMAIL_PATH), (ctx: AccountContext) => {
    const { values } = flash.read(ctx);
    renderer.render(ctx, 'account/email', {
      ...accountFrame(ctx, deps, 'email'),
      action: EMAIL_PATH,
      resendAction: `${EMAIL_PATH}/confirm`,
      email: values['email'] ?? '',
      sentTo: values['sentTo'] ?? null,
      devMailUrl,
    });
  });

  router.post(
    EMAIL_PATH,
    ...steps.postedFresh(EMAIL_PATH, {
      fields: ['email'],
      says: (ctx) => ({ key: 'email.changeTo', params: { email: field(ctx, 'email').trim() } }),
    }),
    async (ctx: AccountContext) => {
      const email = field(ctx, 'email').trim();
      if (!email) return flash.leave(ctx, EMAIL_PATH, { status: 400, problems: [missing('email')] });
      const locale = renderer.language(ctx, {});
      const refusal = await attempt(
        () => verification.requestChange(ctx.state.user.id, email, ownerActor(ctx), { locale }),
        passwordLength(config),
        400,
      );
      if (!refusal) return flash.leave(ctx, EMAIL_PATH, { values: { sentTo: email } });
      return flash.leave(ctx, EMAIL_PATH, { ...refusal, values: { email } });
    },
  );

  router.post(`${EMAIL_PATH}/confirm`, ...steps.posted, async (ctx: AccountContext) => {
    const locale = renderer.language(ctx, {});
    await verification.request(ctx.state.user.id, ownerActor(ctx), { locale });
    doneAt(ctx, EMAIL_PATH, 'link');
  });
}

const PASSWORD_PATH = '/account/password';

/** Changing the password signs out all other sessions. */
export function passwordRoutes(router: Router, steps: AccountSteps, deps: PageParts): void {
  const { renderer, flash, accounts, config } = deps;

  router.get(PASSWORD_PATH, ...steps.openFresh(PASSWORD_PATH), (ctx: AccountContext) =>
    renderer.render(ctx, 'account/password', {
      ...accountFrame(ctx, deps, 'password'),
      action: PASSWORD_PATH,
      passwordLength: passwordLength(config),
      hasPassword: ctx.state.user.hasPassword,
    }),
  );

  router.post(PASSWORD_PATH, ...steps.postedFresh(PASSWORD_PATH), async (ctx: AccountContext) => {
    const { user, session } = ctx.state;
    const [current, next] = [field(ctx, 'current'), field(ctx, 'password')];
    const empty = [
      user.hasPassword && !current ? missing('current') : [],
      next ? [] : missing('password'),
    ].flat();
    if (empty.length > 0) return flash.leave(ctx, PASSWORD_PATH, { status: 400, problems: empty });
    const changed = await attempt(
      () => accounts.changePassword(user.id, user.hasPassword ? current : null, next, ownerActor(ctx)),
      passwordLength(config),
      400,
    );
    if ('problems' in changed) return flash.leave(ctx, PASSWORD_PATH, changed);
    const login = { ...session, securityVersion: changed.securityVersion };
    return seeOther(ctx, await signInBrowser(ctx, deps, login, doneUrl('/account', 'password')));
  });
}
