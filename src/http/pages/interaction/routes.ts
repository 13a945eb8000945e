import type Router from '@koa/router';
import type { Context, Middleware, Next } from 'koa';
import { epochSeconds } from '../../../core/clock.ts';
import { isUuid } from '../../../core/ids.ts';
import { type Acr, FRESH } from '../../../domain/mfa/index.ts';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import { NOT_ALLOWED } from '../../../oidc/clients/app-access.ts';
import type { ExtraClientProperties } from '../../../oidc/clients/names.ts';
import { outlivesSession } from '../../../oidc/tokens/lifetimes.ts';
import { userActor } from '../../actor.ts';
import type { PageParts } from '../dependencies.ts';
import { field, posted } from '../form.ts';
import { afterLogout } from '../logged-out.ts';
import { remembers, type SignIn, type SignInContext, signInUrls } from '../login/context.ts';
import { beginEnrolment } from '../login/enrol.ts';
import { loginRoutes } from '../login/index.ts';
import { showSignIn } from '../login/sign-in.ts';
import { seeOther } from '../replies.ts';
import { describeDetails } from '../scopes.ts';
import { ACR_ONE_FACTOR, firstFactorOf, noteDevice } from '../sign-in.ts';

/** Maximum bytes of a request that a browser keeps. */
const MAX_REQUEST_BYTES = 2200;

/**
 * Lets the browser keep the authorization request of an interaction, to continue after the interaction has expired or finished.
 */
export function rememberRequest(ctx: Context, { requests }: PageParts, interaction: OpenInteraction): void {
  const { uid, client, redirectUri, again } = interaction;
  if (again === undefined || redirectUri === undefined || again.length > MAX_REQUEST_BYTES) return;
  requests.set(ctx, interactionPath(uid), { clientId: client.clientId, redirectUri, query: again });
}

/** Repeats the authorization request with the current session. */
export function restartRequest(ctx: Context, { renderer, requests }: PageParts, uid: string): void {
  const kept = requests.read(ctx, interactionPath(uid));
  if (kept) return seeOther(ctx, `/oauth2/authorize?${kept.query}`);
  ctx.status = 400;
  return renderer.render(ctx, 'expired', { homeUrl: '/' });
}

/**
 * Answers for an interaction that has expired or is finished. Redirects to the app if the person is already signed in there;
 * otherwise repeats the request.
 */
export async function resumeRequest(ctx: Context, deps: PageParts, uid: string): Promise<void> {
  const { renderer, requests, sessions, interactions } = deps;
  const kept = requests.read(ctx, interactionPath(uid));
  if (!kept || !(await sessions.isSignedInTo(ctx.req, ctx.res, kept.clientId)))
    return restartRequest(ctx, deps, uid);
  // Show a page: a redirect would trap the back button.
  if (ctx.method === 'POST') return seeOther(ctx, interactionPath(uid));
  const { client } = await interactions.describe(kept.clientId, []);
  return renderer.render(ctx, 'finished', {
    client,
    appUrl: client?.clientUri ?? webOrigin(kept.redirectUri),
  });
}

/** The origin of a web app; undefined for other apps. */
function webOrigin(redirectUri: string): string | undefined {
  const url = URL.parse(redirectUri);
  return url && /^https?:$/.test(url.protocol) ? `${url.origin}/` : undefined;
}

/** The acr of a sign-in with only a passkey. */
export const PHISHING_RESISTANT: Acr = 'urn:postern:acr:phr';

export const interactionPath = (uid: string): string => `/interaction/${uid}`;

/** The paths of an interaction's pages. */
export const interactionUrls = (uid: string): Pick<SignIn, 'path' | 'urls'> => {
  const path = interactionPath(uid);
  return { path, urls: signInUrls(path, { create: '/create' }) };
};

const frame = ({ client, uiLocales, redirectUri }: OpenInteraction) => ({
  client,
  uiLocales,
  leadsToClient: redirectUri !== undefined,
});

/** Signing in to an authorization request. */
export async function interactionSignIn(interaction: OpenInteraction, deps: PageParts): Promise<SignIn> {
  const { accounts, interactions, mfa } = deps;
  const { uid, prompt, accountId, loginHint, hintedId } = interaction;
  const { path, urls } = interactionUrls(uid);
  // From these pages, the person wants another account; a fresh login is for the requested or current one.
  const isAnother = prompt === 'consent' || prompt === 'select_account' || prompt === 'app_access';
  const suggested = isAnother ? undefined : (hintedId ?? accountId);
  const isSame = accountId !== undefined && suggested === accountId && prompt !== 'create';
  const present = isSame ? { accountId, remember: interaction.remembered } : null;
  const user = isUuid(suggested) ? await accounts.find(suggested) : null;
  return {
    path,
    urls,
    cancelAction: `${path}/abort`,
    frame: frame(interaction),
    interaction,
    passkeyOnly: interaction.acr === PHISHING_RESISTANT && mfa.passkeys.available,
    suggestedIdentifier: isAnother ? '' : (loginHint ?? user?.email ?? ''),
    present,
    notice: undefined,
    asksAll: false,
    act: undefined,
    async finish(ctx, signedIn) {
      noteDevice(ctx, deps, signedIn);
      const login = { ...signedIn, remember: remembers({ present }, signedIn) };
      const { continueUrl, ended } = await interactions.login(ctx.req, ctx.res, login);
      return afterLogout(ctx, deps, ended, continueUrl);
    },
  };
}

/** The app requires a stronger login than the session has: redirects to the second factor, or to setting one up. */
export async function stepUp(
  ctx: SignInContext & { state: { interaction: OpenInteraction } },
  deps: PageParts,
): Promise<void> {
  const { signIn, interaction } = ctx.state;
  const { accountId, acr } = interaction;
  const isOutOfReach = acr === PHISHING_RESISTANT && !deps.mfa.passkeys.available;
  if (acr === undefined || isOutOfReach)
    return seeOther(ctx, await deps.interactions.unmet(ctx.req, ctx.res));
  if (accountId === undefined) return seeOther(ctx, signIn.urls.signIn);
  // Read the account before its session, so that whatever ends the session in between also ends this step.
  const account = await deps.accounts.find(accountId);
  const session = await deps.sessions.current(ctx.req, ctx.res);
  if (!account) return seeOther(ctx, signIn.urls.signIn);
  const first = firstFactorOf(session?.amr ?? []);
  const { token, methods } = await deps.logins.beginStepUp(accountId, first);
  // Keep the session's lifetime, remembered or not.
  deps.pending.set(ctx, signIn.path, { token, remember: true });
  const isEnough = signIn.passkeyOnly ? methods.includes('passkey') : methods.length > 0;
  if (isEnough) return seeOther(ctx, signIn.urls.verify);
  // Adding a factor needs a recent sign-in with all existing factors.
  const isFresh = session !== null && epochSeconds(deps.clock) - session.authTime < FRESH;
  if (methods.length > 0 && !(isFresh && session.acr !== ACR_ONE_FACTOR))
    return seeOther(ctx, signIn.urls.verify);
  return isFresh ? beginEnrolment(ctx, deps, signIn, account, first) : seeOther(ctx, signIn.urls.signIn);
}

type InteractionContext = Context & {
  params: { uid: string };
  state: { interaction: OpenInteraction; signIn: SignIn };
};

const AT = '/interaction/:uid';

/** The pages within an authorization request. All are below the path that the interaction's cookie is bound to. */
export function interactionRoutes(router: Router, deps: PageParts): void {
  const { config, renderer, csrf, flash, interactions, accounts } = deps;

  /** Finds the interaction of this browser, or shows that it has ended. */
  const open = async (ctx: InteractionContext, next: Next): Promise<void> => {
    const interaction = await interactions.open(ctx.req, ctx.res, ctx.params.uid);
    if (interaction === null) return resumeRequest(ctx, deps, ctx.params.uid);
    if (interaction === 'another') return restartRequest(ctx, deps, ctx.params.uid);
    ctx.state.interaction = interaction;
    ctx.state['clientId'] = interaction.client.clientId;
    ctx.state.signIn = await interactionSignIn(interaction, deps);
    await next();
  };

  /** The same for answers that belong to a session: for another person, the request starts again. */
  const ofThisPerson = async (ctx: InteractionContext, next: Next): Promise<void> =>
    open(ctx, async () =>
      ctx.state.interaction.isOfAnother ? restartRequest(ctx, deps, ctx.params.uid) : next(),
    );

  const form = posted(deps, ({ path }) => path.replace(/\/[^/]*$/, ''));

  async function showConsent(ctx: InteractionContext): Promise<void> {
    const { interaction, signIn } = ctx.state;
    const { accountId, client, scopes, apis, details, redirectUri } = interaction;
    const user = accountId === undefined ? null : await accounts.find(accountId);
    if (!user) return showSignIn(ctx, deps);
    return renderer.render(ctx, 'consent', {
      ...signIn.frame,
      client,
      action: `${signIn.path}/consent`,
      switchAction: `${signIn.path}/switch`,
      csrf: csrf.token(ctx),
      problems: flash.read(ctx).problems,
      account: user,
      scopes,
      apis: apis.filter(({ scopes }) => scopes.length > 0),
      lasts: outlivesSession(client as ExtraClientProperties, new Set(scopes))
        ? config.refresh.absolute
        : config.session.remembered,
      details: describeDetails(details, config.authorizationDetails, renderer.language(ctx, signIn.frame)),
      redirectUri,
    });
  }

  /** Offers the signed-in account and another one. */
  async function showChoice(ctx: InteractionContext): Promise<void> {
    const { interaction, signIn } = ctx.state;
    const { accountId } = interaction;
    const user = accountId === undefined ? null : await accounts.find(accountId);
    if (!user) return showSignIn(ctx, deps);
    return renderer.render(ctx, 'select-account', {
      ...signIn.frame,
      action: `${signIn.path}/select`,
      cancelAction: signIn.cancelAction,
      csrf: csrf.token(ctx),
      problems: flash.read(ctx).problems,
      account: user,
      otherUrl: signIn.urls.signIn,
    });
  }

  /** Says that the person may not use the app, and records it for the operators who help them. */
  async function showNotAllowed(ctx: InteractionContext): Promise<void> {
    const { interaction, signIn } = ctx.state;
    const { accountId, client } = interaction;
    const user = accountId === undefined ? null : await accounts.find(accountId);
    if (!user) return showSignIn(ctx, deps);
    deps.refusals.note(
      client.clientId,
      {
        endpoint: 'authorization',
        error: 'access_denied',
        parameter: 'allowed_groups',
        value: null,
        reason: NOT_ALLOWED,
        requestId: ctx.get('X-Request-Id'),
      },
      user.id,
    );
    return renderer.render(ctx, 'not-allowed', {
      ...signIn.frame,
      client,
      action: `${signIn.path}/not-allowed`,
      csrf: csrf.token(ctx),
      problems: flash.read(ctx).problems,
      account: user,
      otherUrl: signIn.urls.signIn,
    });
  }

  loginRoutes(router, signInUrls(AT, { create: '/create' }), open as Middleware, deps);

  router.get(AT, ofThisPerson, async (ctx: InteractionContext) => {
    const { prompt, uid } = ctx.state.interaction;
    rememberRequest(ctx, deps, ctx.state.interaction);
    if (prompt === 'consent') await showConsent(ctx);
    else if (prompt === 'mfa') await stepUp(ctx, deps);
    else if (prompt === 'select_account') await showChoice(ctx);
    else if (prompt === 'app_access') await showNotAllowed(ctx);
    else if (prompt === 'create') seeOther(ctx, `${interactionPath(uid)}/create`);
    else showSignIn(ctx, deps);
  });

  router.post(`${AT}/consent`, ...form, ofThisPerson, async (ctx: InteractionContext) => {
    const { interaction } = ctx.state;
    const { accountId } = interaction;
    const allowed =
      field(ctx, 'decision') === 'allow' && interaction.prompt === 'consent' && accountId !== undefined;
    const next = allowed
      ? await interactions.consent(ctx.req, ctx.res, interaction, userActor(ctx, 'pages', accountId))
      : await interactions.abort(ctx.req, ctx.res);
    seeOther(ctx, next);
  });

  router.post(`${AT}/select`, ...form, ofThisPerson, async (ctx: InteractionContext) => {
    const { prompt, accountId } = ctx.state.interaction;
    if (prompt !== 'select_account' || accountId === undefined) return seeOther(ctx, ctx.state.signIn.path);
    return seeOther(ctx, await interactions.select(ctx.req, ctx.res));
  });

  router.post(`${AT}/not-allowed`, ...form, open, async (ctx: InteractionContext) => {
    seeOther(ctx, await interactions.notAllowed(ctx.req, ctx.res));
  });

  router.post(`${AT}/switch`, ...form, open, (ctx: InteractionContext) =>
    seeOther(ctx, ctx.state.signIn.urls.signIn),
  );

  router.post(`${AT}/abort`, ...form, open, async (ctx: InteractionContext) => {
    seeOther(ctx, await interactions.abort(ctx.req, ctx.res));
  });
}
