import type Router from '@koa/router';
import { type PageParts, passwordLength } from '../dependencies.ts';
import { field } from '../form.ts';
import type { Problem } from '../problems.ts';
import { refused, seeOther } from '../replies.ts';
import { firstFactorOf, type Outcome, trySignIn } from '../sign-in.ts';
import { upstreamButtons } from '../upstream/buttons.ts';
import { beginEnrolment } from './enrol.ts';
import type { Place, PlaceContext, Steps } from './place.ts';

/** Shows the sign-in form of a place. */
export function showSignIn(
  ctx: PlaceContext,
  { config, renderer, csrf, upstream }: PageParts,
  entered: { identifier: string; remember: boolean },
  problems: Problem[],
): void {
  const { frame, urls, cancelAction, notice }: Place = ctx.state.place;
  renderer.render(ctx, 'sign-in', {
    ...frame,
    ...entered,
    action: urls.signIn,
    cancelAction,
    csrf: csrf.token(ctx),
    problems,
    notice,
    rememberFor: config.session.remembered,
    passkeyUrl: urls.passkey,
    createAccountUrl: config.registration.open ? urls.create : undefined,
    forgotUrl: urls.forgot,
    ...upstreamButtons(renderer, upstream.registry.list(), urls.upstream),
  });
}

/** Shows it empty. */
export const showSignInAnew = (ctx: PlaceContext, deps: PageParts, problems: Problem[] = []): void =>
  showSignIn(ctx, deps, { identifier: ctx.state.place.suggestedIdentifier, remember: false }, problems);

/** The login is done: on with it, or first to the factor that the account must have. */
export async function arrive(
  ctx: PlaceContext,
  deps: PageParts,
  { signedIn, enrol }: Outcome,
): Promise<void> {
  const { place } = ctx.state;
  deps.pending.clear(ctx, place.path);
  if (!enrol) return seeOther(ctx, await place.finish(ctx, signedIn));
  const { accountId, amr, remember } = signedIn;
  return beginEnrolment(ctx, deps, { accountId, first: firstFactorOf(amr), remember });
}

/** Somebody who left to read their mail, or to save their recovery codes, goes on. */
export function onwardRoutes(router: Router, path: string, { open }: Steps, deps: PageParts): void {
  router.get(path, open, async (ctx: PlaceContext) => {
    const { place } = ctx.state;
    const arrived = deps.arrivals.read(ctx, place.path);
    if (!arrived) return seeOther(ctx, place.interaction ? place.path : place.urls.signIn);
    deps.arrivals.clear(ctx, place.path);
    return seeOther(ctx, await place.finish(ctx, arrived));
  });
}

/** Signing in with email or username and password. */
export function signInRoutes(router: Router, path: string, { open, posted }: Steps, deps: PageParts): void {
  router.get(path, open, (ctx: PlaceContext) => showSignInAnew(ctx, deps));

  router.post(path, ...posted, async (ctx: PlaceContext) => {
    const { place } = ctx.state;
    // Who shall show again who they are shows all of it.
    const device = place.notice === undefined ? deps.devices.read(ctx, '/') : null;
    const attempt = await trySignIn(ctx, deps.logins, passwordLength(deps.config), device);
    if ('signedIn' in attempt) return arrive(ctx, deps, attempt);
    if ('pending' in attempt) {
      const { pending, remember } = attempt;
      deps.pending.set(ctx, place.path, { token: pending.token, remember });
      return seeOther(ctx, place.urls.verify);
    }
    refused(ctx, attempt);
    const entered = { identifier: field(ctx, 'identifier'), remember: field(ctx, 'remember') === 'yes' };
    return showSignIn(ctx, deps, entered, attempt.problems);
  });
}
