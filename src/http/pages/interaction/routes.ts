import type Router from '@koa/router';
import type { Context, Middleware, Next } from 'koa';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import { userActor } from '../../actor.ts';
import type { PageParts } from '../dependencies.ts';
import { describeDetails } from '../authorization-details.ts';
import { field, posted } from '../form.ts';
import { loginRoutes } from '../login/index.ts';
import { type SignIn, signInUrls } from '../login/context.ts';
import { showSignIn } from '../login/sign-in.ts';
import { seeOther } from '../replies.ts';
import { restartRequest, rememberRequest, resumeRequest } from './resume.ts';
import { interactionPath, interactionSignIn } from './sign-in.ts';
import { stepUp } from './step-up.ts';

type InteractionContext = Context & {
  params: { uid: string };
  state: { interaction: OpenInteraction; signIn: SignIn };
};

const AT = '/interaction/:uid';

/** The pages inside an authorization request. They all live under the path that the interaction's cookie is bound to. */
export function interactionRoutes(router: Router, deps: PageParts): void {
  const { config, renderer, csrf, flash, interactions, accounts } = deps;

  /** Finds the interaction of this browser, or shows a page that it has ended. */
  const open = async (ctx: InteractionContext, next: Next): Promise<void> => {
    const interaction = await interactions.open(ctx.req, ctx.res, ctx.params.uid);
    if (interaction === null) return resumeRequest(ctx, deps, ctx.params.uid);
    if (interaction === 'another') return restartRequest(ctx, deps, ctx.params.uid);
    ctx.state.interaction = interaction;
    ctx.state['clientId'] = interaction.client.clientId;
    ctx.state.signIn = await interactionSignIn(interaction, deps);
    await next();
  };

  /** The same for what is answered in the session of whoever was asked: somebody else is asked anew. */
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
      // Without offline_access the client's tokens end with the session.
      lasts: scopes.includes('offline_access') ? config.refresh.absolute : config.session.remembered,
      details: describeDetails(details, config.authorizationDetails, renderer.language(ctx, signIn.frame)),
      redirectUri,
    });
  }

  /** Offers the account that is signed in, and another one. */
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

  loginRoutes(router, signInUrls(AT, { create: '/create' }), open as Middleware, deps);

  router.get(AT, ofThisPerson, async (ctx: InteractionContext) => {
    const { prompt, uid } = ctx.state.interaction;
    rememberRequest(ctx, deps, ctx.state.interaction);
    if (prompt === 'consent') await showConsent(ctx);
    else if (prompt === 'mfa') await stepUp(ctx, deps);
    else if (prompt === 'select_account') await showChoice(ctx);
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

  router.post(`${AT}/switch`, ...form, open, (ctx: InteractionContext) =>
    seeOther(ctx, ctx.state.signIn.urls.signIn),
  );

  router.post(`${AT}/abort`, ...form, open, async (ctx: InteractionContext) => {
    seeOther(ctx, await interactions.abort(ctx.req, ctx.res));
  });
}
