import type Router from '@koa/router';
import type { Context } from 'koa';
import { strengthOf } from '../../../domain/mfa/requirement.ts';
import type { FirstFactor } from '../../../domain/login-steps.ts';
import type { User } from '../../../domain/users/index.ts';
import { epochSeconds } from '../../../core/clock.ts';
import { userActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import { missing } from '../problems.ts';
import { qrCode } from '../templates.ts';
import { seeOther, withParameter } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import type { SignIn, SignInContext, SignInMiddleware } from './context.ts';

/** The default name of an authenticator, in any language. Its owner can rename it. */
const NAMES = { app: 'Authenticator', passkey: 'Passkey' };

/** Starts the setup of a required second factor. Keeps what the person has already proved. */
export async function beginEnrolment(
  ctx: Context,
  { mfa, apps, enrolments, loginSteps }: PageParts,
  { path, urls }: Pick<SignIn, 'path' | 'urls'>,
  account: Pick<User, 'id' | 'securityVersion'>,
  first: FirstFactor,
  remember = true,
): Promise<void> {
  const { id, secret, uri } = await mfa.totp.begin(account.id, NAMES.app);
  apps.set(ctx, path, { accountId: account.id, id, secret, uri });
  enrolments.set(ctx, path, { token: loginSteps.seal('enrolment', account, { first }), remember });
  seeOther(ctx, urls.enrol);
}

/** Setting up a second factor during a sign-in, for an account or an app that requires one. */
export function enrolRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  const { renderer, csrf, flash, accounts, mfa, loginSteps, clock, config } = deps;
  const { apps, enrolments, completedLogins, pending } = deps;

  const underWay = async (ctx: SignInContext) => {
    const login = enrolments.read(ctx, ctx.state.signIn.path);
    const app = apps.read(ctx, ctx.state.signIn.path);
    const step = login && (await loginSteps.open('enrolment', login.token));
    return step && app?.accountId === step.account.id ? { ...step, app, remember: login.remember } : null;
  };

  /** Shows the recovery codes until the login continues; after that never again. */
  const showCodes = async (ctx: SignInContext, codes: string): Promise<void> => {
    const { path, frame, urls } = ctx.state.signIn;
    const done = await loginSteps.open('arrival', completedLogins.read(ctx, path)?.token);
    const step = done ?? (await loginSteps.open('second-factor', pending.read(ctx, path)?.token));
    const account = step && (await accounts.find(step.account.id));
    if (!account) return seeOther(ctx, urls.signIn);
    const continueUrl = done ? urls.continue : urls.verify;
    return renderer.render(ctx, 'enrolled', { ...frame, account, codes: codes.split(' '), continueUrl });
  };

  const show = async (ctx: SignInContext): Promise<void> => {
    const { frame, urls, cancelAction, passkeyOnly } = ctx.state.signIn;
    const { problems, values } = flash.read(ctx);
    if (values['codes'] !== undefined) return showCodes(ctx, values['codes']);
    const found = await underWay(ctx);
    const account = found && (await accounts.find(found.account.id));
    if (!account) return seeOther(ctx, urls.signIn);
    const { secret, uri } = found.app;
    return renderer.render(ctx, 'enrol', {
      ...frame,
      action: urls.enrol,
      cancelAction,
      csrf: csrf.token(ctx),
      problems,
      account,
      passkeyOnly,
      secret,
      uri,
      qrCode: qrCode(uri),
      optionsUrl: withParameter(urls.enrol, 'options', ''),
    });
  };

  router.get(path, open, async (ctx: SignInContext) => {
    const found = await underWay(ctx);
    if (!found || ctx.query['options'] === undefined) return show(ctx);
    const { passkeyOnly: verified } = ctx.state.signIn;
    ctx.body = await mfa.passkeys.registrationOptions(found.account.id, { verified });
    return undefined;
  });

  router.post(path, ...posted, async (ctx: SignInContext) => {
    const { signIn } = ctx.state;
    const found = await underWay(ctx);
    if (!found) return seeOther(ctx, signIn.urls.signIn);
    const { account, content, app, remember } = found;
    const { id, securityVersion: expected } = account;
    const actor = userActor(ctx, 'pages', id);
    const passkey = field(ctx, 'passkey');
    const code = field(ctx, 'code').trim();
    const page = signIn.urls.enrol;
    if (!passkey && !code) return flash.leave(ctx, page, { status: 400, problems: [missing('code')] });
    // Bound to the account's security version: a factor added meanwhile, or a new password, ends this setup.
    const added = await attempt<{ recoveryCodes: string[] | null; securityVersion: number }>(
      () =>
        passkey
          ? mfa.passkeys.register(id, jsonField(ctx, 'passkey'), NAMES.passkey, actor, {
              verified: signIn.passkeyOnly,
              expected,
            })
          : mfa.totp.confirm(id, app.id, code, actor, expected),
      passwordLength(config),
      400,
    );
    if ('problems' in added) return flash.leave(ctx, page, added);
    enrolments.clear(ctx, signIn.path);
    apps.clear(ctx, signIn.path);
    const { first } = content;
    const now = { id, securityVersion: added.securityVersion };
    let next = signIn.urls.continue;
    if (passkey) {
      // Registering a passkey proves nothing yet: use it once, as at every later login.
      const token = loginSteps.seal('second-factor', now, { first });
      pending.set(ctx, signIn.path, { token, remember });
      next = signIn.urls.verify;
    } else {
      const login = { ...strengthOf([first, 'otp']), authTime: epochSeconds(clock) };
      completedLogins.set(ctx, signIn.path, { token: loginSteps.seal('arrival', now, login), remember });
    }
    if (!added.recoveryCodes) return seeOther(ctx, next);
    return flash.leave(ctx, page, { values: { codes: added.recoveryCodes.join(' ') } });
  });
}
