import type Router from '@koa/router';
import { strengthOf } from '../../../domain/mfa/acr.ts';
import type { FirstFactor } from '../../../domain/pending-login.ts';
import { epochSeconds } from '../../../kernel/clock.ts';
import { userActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import { missing } from '../problems.ts';
import { qrCode } from '../qr-code.ts';
import { seeOther, withParameter } from '../replies.ts';
import { attempt, firstFactorOf } from '../sign-in.ts';
import type { PlaceContext, Steps } from './place.ts';

/** What an authenticator that is set up in passing is called, in any language; its owner can rename it. */
const NAMES = { app: 'Authenticator', passkey: 'Passkey' };

/** Sends somebody on to set up the second factor that they must have; what they have shown so far is kept. */
export async function beginEnrolment(
  ctx: PlaceContext,
  { mfa, apps, enrolments, clock }: PageParts,
  { accountId, first, remember = true }: { accountId: string; first: FirstFactor; remember?: boolean },
): Promise<void> {
  const { path, urls } = ctx.state.place;
  const { id, secret, uri } = await mfa.totp.begin(accountId, NAMES.app);
  apps.set(ctx, path, { accountId, id, secret, uri });
  const { amr, acr } = strengthOf([first]);
  enrolments.set(ctx, path, { accountId, amr, acr, authTime: epochSeconds(clock), remember });
  seeOther(ctx, urls.enrol);
}

/** Setting up a second factor in the middle of signing in, for an account or an app that wants one. */
export function enrolRoutes(router: Router, path: string, { open, posted }: Steps, deps: PageParts): void {
  const { renderer, csrf, flash, accounts, mfa, logins, config, apps, enrolments, arrivals, pending } = deps;

  const underWay = (ctx: PlaceContext) => {
    const login = enrolments.read(ctx, ctx.state.place.path);
    const app = apps.read(ctx, ctx.state.place.path);
    return login && app?.accountId === login.accountId ? { login, app } : null;
  };

  /** The login goes on with these written down; once it has gone on they are not shown again. */
  const showCodes = async (ctx: PlaceContext, codes: string): Promise<void> => {
    const { path, frame, urls } = ctx.state.place;
    const arrived = arrivals.read(ctx, path);
    const token = pending.read(ctx, path)?.token;
    const login = arrived ?? (token === undefined ? null : await logins.pendingLogin(token));
    const account = login && (await accounts.find(login.accountId));
    if (!account) return seeOther(ctx, urls.signIn);
    const onwardUrl = arrived ? urls.onward : urls.verify;
    return renderer.render(ctx, 'enrolled', { ...frame, account, codes: codes.split(' '), onwardUrl });
  };

  const show = async (ctx: PlaceContext): Promise<void> => {
    const { frame, urls, cancelAction, passkeyOnly } = ctx.state.place;
    const { problems, values } = flash.read(ctx);
    if (values['codes'] !== undefined) return showCodes(ctx, values['codes']);
    const found = underWay(ctx);
    const account = found && (await accounts.find(found.login.accountId));
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
    const found = underWay(ctx);
    if (!found || ctx.query['options'] === undefined) return show(ctx);
    const { passkeyOnly: verified } = ctx.state.place;
    ctx.body = await mfa.passkeys.registrationOptions(found.login.accountId, { verified });
    return undefined;
  });

  router.post(path, ...posted, async (ctx: PlaceContext) => {
    const { place } = ctx.state;
    const found = underWay(ctx);
    if (!found) return seeOther(ctx, place.urls.signIn);
    const { login, app } = found;
    const actor = userActor(ctx, 'pages', login.accountId);
    const passkey = field(ctx, 'passkey');
    const code = field(ctx, 'code').trim();
    const page = place.urls.enrol;
    if (!passkey && !code) return flash.leave(ctx, page, { status: 400, problems: [missing('code')] });
    const added = await attempt<{ recoveryCodes: string[] | null }>(
      () =>
        passkey
          ? mfa.passkeys.register(login.accountId, jsonField(ctx, 'passkey'), NAMES.passkey, actor, {
              verified: place.passkeyOnly,
            })
          : mfa.totp.confirm(login.accountId, app.id, code, actor),
      passwordLength(config),
      400,
    );
    if ('problems' in added) return flash.leave(ctx, page, added);
    enrolments.clear(ctx, place.path);
    apps.clear(ctx, place.path);
    let onward = place.urls.onward;
    if (passkey) {
      // Making a passkey proves nothing yet: it is shown once, as at every login from now on.
      const { token } = await logins.beginStepUp(login.accountId, firstFactorOf(login.amr));
      pending.set(ctx, place.path, { token, remember: login.remember });
      onward = place.urls.verify;
    } else arrivals.set(ctx, place.path, { ...login, ...strengthOf([firstFactorOf(login.amr), 'otp']) });
    if (!added.recoveryCodes) return seeOther(ctx, onward);
    return flash.leave(ctx, page, { values: { codes: added.recoveryCodes.join(' ') } });
  });
}
