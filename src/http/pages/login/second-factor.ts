import type Router from '@koa/router';
import type { LoginStep } from '../../../domain/login.ts';
import { parseRecoveryCode } from '../../../domain/mfa/recovery-codes.ts';
import { anonymousActor, userActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import { missing, type Problem } from '../problems.ts';
import { seeOther, withParameter } from '../replies.ts';
import { attempt, outcomeOf } from '../sign-in.ts';
import type { SignInContext, SignInMiddleware } from './context.ts';
import { completeSignIn, showSignIn } from './sign-in.ts';

/** Gives a wrong recovery code its own message: waiting for the next code, as in an app, does not help. */
const ofRecovery = (problem: Problem): Problem =>
  problem.message === 'problem.code' ? { ...problem, message: 'problem.recoveryCode' } : problem;

/** The page after the password: a TOTP code, a recovery code or a passkey. */
export function secondFactorRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  const { config, renderer, csrf, flash, accounts, logins, mfa, pending, devices } = deps;
  const isRecovery = (ctx: SignInContext) => ctx.query['method'] === 'recovery';
  const pageOf = (ctx: SignInContext): string => {
    const { verify } = ctx.state.signIn.urls;
    return isRecovery(ctx) ? withParameter(verify, 'method', 'recovery') : verify;
  };

  const show = async (ctx: SignInContext, step: LoginStep): Promise<void> => {
    const { signIn } = ctx.state;
    const { frame, urls, cancelAction } = signIn;
    const account = await accounts.find(step.accountId);
    if (!account) return showSignIn(ctx, deps);
    return renderer.render(ctx, 'second-factor', {
      ...frame,
      action: pageOf(ctx),
      cancelAction,
      csrf: csrf.token(ctx),
      problems: flash.read(ctx).problems,
      account,
      methods:
        signIn.passkeyOnly && step.methods.includes('passkey')
          ? step.methods.filter((method) => method === 'passkey')
          : step.methods,
      verified: signIn.passkeyOnly,
      method: isRecovery(ctx) ? 'recovery' : null,
      trustFor: config.mfa.rememberDevice,
      optionsUrl: withParameter(urls.verify, 'options', ''),
      recoveryUrl: withParameter(urls.verify, 'method', 'recovery'),
      otherUrl: urls.verify,
      signInUrl: urls.signIn,
    });
  };

  /** The login of this browser that is waiting for its second factor. */
  const waiting = async (ctx: SignInContext) => {
    const login = pending.read(ctx, ctx.state.signIn.path);
    const step = login && (await logins.pendingLogin(login.token));
    return login && step && { ...login, step };
  };

  router.get(path, open, async (ctx: SignInContext) => {
    const login = await waiting(ctx);
    if (!login) return seeOther(ctx, ctx.state.signIn.urls.signIn);
    if (ctx.query['options'] === undefined) return show(ctx, login.step);
    const { passkeyOnly: verified } = ctx.state.signIn;
    ctx.body = await mfa.passkeys.secondFactorOptions(login.step.accountId, { verified });
    return undefined;
  });

  router.post(path, ...posted, async (ctx: SignInContext) => {
    const login = await waiting(ctx);
    if (!login) {
      const problems = [{ field: null, message: 'problem.loginExpired' as const }];
      return flash.leave(ctx, ctx.state.signIn.urls.signIn, { status: 401, problems });
    }
    const code = field(ctx, 'code').trim();
    const passkey = field(ctx, 'passkey');
    if (!code && !passkey) return flash.leave(ctx, pageOf(ctx), { status: 400, problems: [missing('code')] });
    const tried = await attempt(async () => {
      const { passkeyOnly: verified } = ctx.state.signIn;
      const proof = passkey ? { passkey: jsonField(ctx, 'passkey'), verified } : { code };
      const done = await logins.completeLogin(login.token, proof, anonymousActor(ctx, 'pages'));
      return outcomeOf(done, login.remember);
    }, passwordLength(config));
    if (!('signedIn' in tried)) {
      const isOfRecovery = isRecovery(ctx) || parseRecoveryCode(code) !== null;
      const problems = isOfRecovery ? tried.problems.map(ofRecovery) : tried.problems;
      return flash.leave(ctx, pageOf(ctx), { ...tried, problems });
    }
    if (field(ctx, 'trust') === 'yes') {
      const { accountId } = tried.signedIn;
      const actor = userActor(ctx, 'pages', accountId);
      const token = await mfa.devices.trust(accountId, config.mfa.rememberDevice, actor);
      devices.set(ctx, '/', token);
    }
    return completeSignIn(ctx, deps, tried);
  });
}
