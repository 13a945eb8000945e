import type Router from '@koa/router';
import type { Context } from 'koa';
import { strengthOf } from '../../../domain/mfa/acr.ts';
import type { FirstFactor } from '../../../domain/login-steps.ts';
import type { User } from '../../../domain/users/index.ts';
import { epochSeconds } from '../../../core/clock.ts';
import { userActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import { missing } from '../problems.ts';
import { qrCode } from '../qr-code.ts';
import { seeOther, withParameter } from '../replies.ts';
import { attempt } from '../sign-in.ts';
import type { Place, PlaceContext, Steps } from './place.ts';

/** What an authenticator that is set up in passing is called, in any language; its owner can rename it. */
const NAMES = { app: 'Authenticator', passkey: 'Passkey' };

/** Sends somebody on to set up the second factor that they must have; what they have shown so far is kept. */
export async function beginEnrolment(
  ctx: Context,
  { mfa, apps, enrolments, loginSteps }: PageParts,
  { path, urls }: Pick<Place, 'path' | 'urls'>,
  account: Pick<User, 'id' | 'securityVersion'>,
  first: FirstFactor,
  remember = true,
): Promise<void> {
  const { id, secret, uri } = await mfa.totp.begin(account.id, NAMES.app);
  apps.set(ctx, path, { accountId: account.id, id, secret, uri });
  enrolments.set(ctx, path, { token: loginSteps.seal('enrolment', account, { first }), remember });
  seeOther(ctx, urls.enrol);
}

/** Setting up a second factor in the middle of signing in, for an account or an app that wants one. */
export function enrolRoutes(router: Router, path: string, { open, posted }: Steps, deps: PageParts): void {
  const { renderer, csrf, flash, accounts, mfa, loginSteps, clock, config } = deps;
  const { apps, enrolments, arrivals, pending } = deps;

  const underWay = async (ctx: PlaceContext) => {
    const login = enrolments.read(ctx, ctx.state.place.path);
    const app = apps.read(ctx, ctx.state.place.path);
    const step = login && (await loginSteps.open('enrolment', login.token));
    return step && app?.accountId === step.account.id ? { ...step, app, remember: login.remember } : null;
  };

  /** The login goes on with these written down; once it has gone on they are not shown again. */
  const showCodes = async (ctx: PlaceContext, codes: string): Promise<void> => {
    const { path, frame, urls } = ctx.state.place;
    const arrival = await loginSteps.open('arrival', arrivals.read(ctx, path)?.token);
    const step = arrival ?? (await loginSteps.open('second-factor', pending.read(ctx, path)?.token));
    const account = step && (await accounts.find(step.account.id));
    if (!account) return seeOther(ctx, urls.signIn);
    const onwardUrl = arrival ? urls.onward : urls.verify;
    return renderer.render(ctx, 'enrolled', { ...frame, account, codes: codes.split(' '), onwardUrl });
  };

  const show = async (ctx: PlaceContext): Promise<void> => {
    const { frame, urls, cancelAction, passkeyOnly } = ctx.state.place;
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

  router.get(path, open, async (ctx: PlaceContext) => {
    const found = await underWay(ctx);
    if (!found || ctx.query['options'] === undefined) return show(ctx);
    const { passkeyOnly: verified } = ctx.state.place;
    ctx.body = await mfa.passkeys.registrationOptions(found.account.id, { verified });
    return undefined;
  });

  router.post(path, ...posted, async (ctx: PlaceContext) => {
    const { place } = ctx.state;
    const found = await underWay(ctx);
    if (!found) return seeOther(ctx, place.urls.signIn);
    const { account, content, app, remember } = found;
    const { id, securityVersion: expected } = account;
    const actor = userActor(ctx, 'pages', id);
    const passkey = field(ctx, 'passkey');
    const code = field(ctx, 'code').trim();
    const page = place.urls.enrol;
    if (!passkey && !code) return flash.leave(ctx, page, { status: 400, problems: [missing('code')] });
    // Bound to the account as it was: a factor that it has by now, or a new password, has ended this.
    const added = await attempt<{ recoveryCodes: string[] | null; securityVersion: number }>(
      () =>
        passkey
          ? mfa.passkeys.register(id, jsonField(ctx, 'passkey'), NAMES.passkey, actor, {
              verified: place.passkeyOnly,
              expected,
            })
          : mfa.totp.confirm(id, app.id, code, actor, expected),
      passwordLength(config),
      400,
    );
    if ('problems' in added) return flash.leave(ctx, page, added);
    enrolments.clear(ctx, place.path);
    apps.clear(ctx, place.path);
    const { first } = content;
    const now = { id, securityVersion: added.securityVersion };
    let onward = place.urls.onward;
    if (passkey) {
      // Making a passkey proves nothing yet: it is shown once, as at every login from now on.
      const token = loginSteps.seal('second-factor', now, { first });
      pending.set(ctx, place.path, { token, remember });
      onward = place.urls.verify;
    } else {
      const arrival = { ...strengthOf([first, 'otp']), authTime: epochSeconds(clock) };
      arrivals.set(ctx, place.path, { token: loginSteps.seal('arrival', now, arrival), remember });
    }
    if (!added.recoveryCodes) return seeOther(ctx, onward);
    return flash.leave(ctx, page, { values: { codes: added.recoveryCodes.join(' ') } });
  });
}
