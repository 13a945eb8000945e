import type Router from '@koa/router';
import type { Context, Next } from 'koa';
import { CONTINUE } from './account/context.ts';
import type { PageParts } from './dependencies.ts';
import { afterLogout } from './logged-out.ts';
import { loginRoutes } from './login/index.ts';
import { type SignIn, type SignInContext, signInUrls, remembers } from './login/context.ts';
import { posted } from './form.ts';
import { seeOther } from './replies.ts';
import { signInBrowser } from './sign-in.ts';

const URLS = signInUrls('', { create: '/register' });

/** The paths of signing in outside an authorization request. */
export const standaloneUrls: Pick<SignIn, 'path' | 'urls'> = { path: URLS.signIn, urls: URLS };

/** Where a sign-in may lead: the account pages, and those of the console with their queries. */
const NEXT = /^\/(?:account(?:\/[a-z]+)*|admin(?:[/?][\w\-.~%/?&=+:@,*!'()]{0,2000})?)$/;

/**
 * A sign-in outside an authorization request. `next` is where it leads, and tells why somebody who is signed in signs in again.
 */
async function standaloneSignIn(ctx: Context, deps: PageParts): Promise<SignIn> {
  const { sessions, acts } = deps;
  const asked = ctx.query['next'];
  const next = typeof asked === 'string' && NEXT.test(asked) ? asked : undefined;
  const owner = next === undefined ? null : await sessions.owner(ctx.req, ctx.res);
  const { user = null, session: present = null } = owner ?? {};
  const kept = next === CONTINUE ? acts.read(ctx, '/') : null;
  const act = kept && (user === null || kept.accountId === user.id) ? kept : null;
  const suffix = next === undefined ? '' : `?${new URLSearchParams({ next }).toString()}`;
  return {
    path: URLS.signIn,
    urls: signInUrls('', { create: '/register', suffix }),
    cancelAction: undefined,
    frame: {},
    interaction: null,
    passkeyOnly: false,
    suggestedIdentifier: user?.email ?? '',
    present,
    notice: user || act ? 'signIn.again' : undefined,
    asksAll: user !== null || act !== null || (next?.startsWith('/admin') ?? false),
    act: act?.says,
    async finish(ctx, signedIn) {
      const login = { ...signedIn, remember: remembers({ present }, signedIn) };
      return signInBrowser(ctx, deps, login, next ?? '/account');
    },
  };
}

/** The pages outside an authorization request: `/`, sign in, create account, sign out. */
export function standaloneRoutes(router: Router, deps: PageParts): void {
  const { config, renderer, csrf, flash, sessions } = deps;

  const open = async (ctx: SignInContext, next: Next): Promise<void> => {
    ctx.state.signIn = await standaloneSignIn(ctx, deps);
    await next();
  };
  loginRoutes(router, URLS, open, deps);

  router.get('/', async (ctx: Context) => {
    const owner = await sessions.owner(ctx.req, ctx.res);
    if (owner) {
      const { problems } = flash.read(ctx);
      const form = { action: '/sign-out', csrf: csrf.token(ctx), problems };
      renderer.render(ctx, 'signed-in', { ...form, account: owner.user, accountUrl: '/account' });
      return;
    }
    renderer.render(ctx, 'home', {
      signInUrl: URLS.signIn,
      createAccountUrl: config.registration.open ? URLS.create : undefined,
      discoveryUrl: '/.well-known/openid-configuration',
    });
  });

  const form = posted(deps, () => '/');
  router.post('/sign-out', ...form, async (ctx: Context) => {
    seeOther(ctx, await afterLogout(ctx, deps, await sessions.logout(ctx.req, ctx.res), undefined));
  });
}
