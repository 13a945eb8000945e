import type Router from '@koa/router';
import type { LoginStep } from '../../../domain/login.ts';
import { anonymousActor, userActor } from '../../actor.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import { missing, type Problem } from '../problems.ts';
import { refused, seeOther } from '../replies.ts';
import { attempt, outcomeOf } from '../sign-in.ts';
import type { PlaceContext, Steps } from './place.ts';
import { arrive, showSignInAnew } from './sign-in.ts';

/** The page after the password: a code, a recovery code or a passkey. */
export function secondFactorRoutes(
  router: Router,
  path: string,
  { open, posted }: Steps,
  deps: PageParts,
): void {
  const { config, renderer, csrf, accounts, logins, mfa, pending, devices } = deps;
  const isRecovery = (ctx: PlaceContext) => ctx.query['method'] === 'recovery';
  const withQuery = (url: string, query: string) => `${url}${url.includes('?') ? '&' : '?'}${query}`;

  const show = async (ctx: PlaceContext, step: LoginStep, problems: Problem[]): Promise<void> => {
    const { place } = ctx.state;
    const { frame, urls, cancelAction } = place;
    const account = await accounts.find(step.accountId);
    if (!account) return showSignInAnew(ctx, deps);
    const recoveryUrl = withQuery(urls.verify, 'method=recovery');
    return renderer.render(ctx, 'second-factor', {
      ...frame,
      action: isRecovery(ctx) ? recoveryUrl : urls.verify,
      cancelAction,
      csrf: csrf.token(ctx),
      problems,
      account,
      methods:
        place.passkeyOnly && step.methods.includes('passkey')
          ? step.methods.filter((method) => method === 'passkey')
          : step.methods,
      verified: place.passkeyOnly,
      method: isRecovery(ctx) ? 'recovery' : null,
      trustFor: config.mfa.rememberDevice,
      optionsUrl: withQuery(urls.verify, 'options'),
      recoveryUrl,
      otherUrl: urls.verify,
      signInUrl: urls.signIn,
    });
  };

  /** The login of this browser that waits for its second factor. */
  const waiting = async (ctx: PlaceContext) => {
    const login = pending.read(ctx, ctx.state.place.path);
    const step = login && (await logins.pendingLogin(login.token));
    return login && step && { ...login, step };
  };

  router.get(path, open, async (ctx: PlaceContext) => {
    const login = await waiting(ctx);
    if (!login) return seeOther(ctx, ctx.state.place.urls.signIn);
    if (ctx.query['options'] === undefined) return show(ctx, login.step, []);
    const { passkeyOnly: verified } = ctx.state.place;
    ctx.body = await mfa.passkeys.secondFactorOptions(login.step.accountId, { verified });
    return undefined;
  });

  router.post(path, ...posted, async (ctx: PlaceContext) => {
    const login = await waiting(ctx);
    if (!login) {
      refused(ctx, { status: 401 });
      return showSignInAnew(ctx, deps, [{ field: null, message: 'problem.loginExpired' }]);
    }
    const code = field(ctx, 'code').trim();
    const passkey = field(ctx, 'passkey');
    if (!code && !passkey) {
      refused(ctx, { status: 400 });
      return show(ctx, login.step, [missing('code')]);
    }
    const tried = await attempt(async () => {
      const { passkeyOnly: verified } = ctx.state.place;
      const proof = passkey ? { passkey: jsonField(ctx, 'passkey'), verified } : { code };
      const done = await logins.completeLogin(login.token, proof, anonymousActor(ctx, 'pages'));
      return outcomeOf(done, login.remember);
    }, passwordLength(config));
    if (!('signedIn' in tried)) {
      refused(ctx, tried);
      return show(ctx, login.step, tried.problems);
    }
    if (field(ctx, 'trust') === 'yes') {
      const { accountId } = tried.signedIn;
      const actor = userActor(ctx, 'pages', accountId);
      const token = await mfa.devices.trust(accountId, config.mfa.rememberDevice, actor);
      devices.set(ctx, '/', token);
    }
    return arrive(ctx, deps, tried);
  });
}
