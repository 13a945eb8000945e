import type Router from '@koa/router';
import type { Context } from 'koa';
import { isDomainError } from '../../../core/errors.ts';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field, jsonField } from '../form.ts';
import { seeOther, withParameter } from '../replies.ts';
import { attempt, firstFactorOf, type Outcome, outcomeOf, trySignIn } from '../sign-in.ts';
import { upstreamButtons } from '../upstream/sign-in.ts';
import { beginEnrolment } from './enrol.ts';
import { keepReturn } from './mailed-links.ts';
import type { SignIn, SignInContext, SignInMiddleware } from './context.ts';
import { anonymousActor } from '../../actor.ts';

/** The parameter for signing in with another account than the current one. */
const OTHER = 'other';

/** Shows the sign-in form. */
export function showSignIn(ctx: SignInContext, { config, renderer, csrf, flash, upstream }: PageParts): void {
  const { frame, urls, cancelAction, present, notice, act, suggestedIdentifier }: SignIn = ctx.state.signIn;
  const { problems, values } = flash.read(ctx);
  const isAgain = present !== null && ctx.query[OTHER] === undefined;
  renderer.render(ctx, 'sign-in', {
    ...frame,
    identifier: values['identifier'] ?? (present && !isAgain ? '' : suggestedIdentifier),
    remember: values['remember'] === 'yes',
    action: urls.signIn,
    cancelAction,
    csrf: csrf.token(ctx),
    problems,
    notice,
    act,
    linkAction: values['locked'] === 'yes' ? urls.link : undefined,
    rememberFor: isAgain ? undefined : config.session.remembered,
    passkeyUrl: urls.passkey,
    createAccountUrl: config.registration.open && !isAgain ? urls.create : undefined,
    otherUrl: isAgain ? withParameter(urls.signIn, OTHER, '') : undefined,
    forgotUrl: urls.forgot,
    ...upstreamButtons(renderer, upstream.registry.list(), urls.upstream),
  });
}

/** Continues after a login: finishes it, or first asks for a new password or for the factor that the account must have. */
export async function completeSignIn(
  ctx: SignInContext,
  deps: PageParts,
  { signedIn, enrol, renew }: Outcome,
): Promise<void> {
  const { signIn } = ctx.state;
  deps.pending.clear(ctx, signIn.path);
  if (renew) {
    await keepReturn(ctx, deps);
    const token = await deps.reset.renew(signedIn.accountId);
    return seeOther(ctx, `/reset-password?${new URLSearchParams({ token }).toString()}`);
  }
  if (!enrol) return seeOther(ctx, await signIn.finish(ctx, signedIn));
  const { accountId: id, securityVersion, amr, remember } = signedIn;
  return beginEnrolment(ctx, deps, signIn, { id, securityVersion }, firstFactorOf(amr), remember);
}

/** Continues a login after its person read their mail or saved their recovery codes. */
export function continueRoutes(
  router: Router,
  path: string,
  { open }: SignInMiddleware,
  deps: PageParts,
): void {
  router.get(path, open, async (ctx: SignInContext) => {
    const { signIn } = ctx.state;
    const kept = deps.completedLogins.read(ctx, signIn.path);
    const step = kept && (await deps.loginSteps.open('arrival', kept.token));
    const signInUrl = signIn.interaction ? signIn.path : signIn.urls.signIn;
    if (!step) return seeOther(ctx, signInUrl);
    const { id: accountId, securityVersion } = step.account;
    const signedIn = { accountId, securityVersion, ...step.content, remember: kept.remember };
    try {
      const url = await deps.loginSteps.finish(step, () => signIn.finish(ctx, signedIn));
      deps.completedLogins.clear(ctx, signIn.path);
      return seeOther(ctx, url);
    } catch (error) {
      if (!isDomainError(error, 'invalid_token')) throw error;
      return seeOther(ctx, signInUrl);
    }
  });
}

/** The values to fill in again. */
export const typedValues = (ctx: Context): Record<string, string> => ({
  identifier: field(ctx, 'identifier'),
  remember: field(ctx, 'remember'),
});

/** Signing in with email or username and password. */
export function signInRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  router.get(path, open, (ctx: SignInContext) => showSignIn(ctx, deps));

  router.post(path, ...posted, async (ctx: SignInContext) => {
    const { signIn } = ctx.state;
    const device = signIn.asksAll ? null : deps.devices.read(ctx, '/');
    const attempt = await trySignIn(
      ctx,
      deps.logins,
      passwordLength(deps.config),
      device,
      deps.known.read(ctx, '/') ?? [],
    );
    if ('signedIn' in attempt) return completeSignIn(ctx, deps, attempt);
    if ('pending' in attempt) {
      const { pending, remember } = attempt;
      deps.pending.set(ctx, signIn.path, { token: pending.token, remember });
      return seeOther(ctx, signIn.urls.verify);
    }
    const { locked = false, ...refusal } = attempt;
    const values = { ...typedValues(ctx), ...(locked ? { locked: 'yes' } : {}) };
    return deps.flash.leave(ctx, signIn.urls.signIn, { ...refusal, values });
  });
}

/** A login with only a passkey. The options are the same for everybody, so that they reveal nothing. */
export function passkeyRoutes(
  router: Router,
  path: string,
  { open, posted }: SignInMiddleware,
  deps: PageParts,
): void {
  router.get(path, open, async (ctx: SignInContext) => {
    ctx.body = await deps.mfa.passkeys.loginOptions();
  });

  router.post(path, ...posted, async (ctx: SignInContext) => {
    const remember = field(ctx, 'remember') === 'yes';
    const tried = await attempt(async () => {
      const reply = jsonField(ctx, 'passkey');
      return outcomeOf(await deps.logins.loginWithPasskey(reply, anonymousActor(ctx, 'pages')), remember);
    }, passwordLength(deps.config));
    if ('signedIn' in tried) return completeSignIn(ctx, deps, tried);
    return deps.flash.leave(ctx, ctx.state.signIn.urls.signIn, { ...tried, values: typedValues(ctx) });
  });
}
