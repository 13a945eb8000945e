import type { Context } from 'koa';
import { rolesOf } from '../../domain/operators/rights.ts';
import type { Accounts } from '../../domain/users/index.ts';
import type { ProviderPages } from '../../oidc/configuration.ts';
import { viewOf } from '../../oidc/sessions/viewing.ts';
import { createDevicePages } from './device-pages.ts';
import { keepLoggedOutPage } from './logged-out.ts';
import { seeOther } from './replies.ts';
import { viewing } from './viewing.ts';
import type { PageTools } from './tools.ts';

/**
 * Errors of the library for an authorization request that returns too late, in another browser, or after its session: nobody is
 * at fault.
 */
const OVER =
  /^(authorization request has expired|interaction session not found|(interaction|authorization) session and )/;

type ProviderContext = Parameters<ProviderPages['error']>[0];

/** The pages that the provider shows itself, in the same look as the others. */
export function createProviderPages(
  { renderer, flash, csrf }: PageTools,
  accounts: Pick<Accounts, 'find'>,
  production: boolean,
): ProviderPages {
  /** In production, most people on a page only use the app; show developer details only to administrators. */
  const isDeveloper = async ({ oidc }: ProviderContext): Promise<boolean> => {
    if (!production) return true;
    const accountId = oidc.session?.accountId;
    const account = accountId === undefined ? null : await accounts.find(accountId);
    return account?.status === 'active' && rolesOf(account).includes('admin');
  };
  /** Shows the banner of an operator's view on the provider's pages too. */
  const showView = async (ctx: ProviderContext): Promise<boolean> => {
    const view = viewOf(ctx.oidc?.session);
    const page = ctx as unknown as Context;
    if (!view) return false;
    const person = await accounts.find(ctx.oidc.session?.accountId ?? '');
    page.state['viewing'] = viewing(view, person, csrf.token(page));
    return true;
  };
  const devicePages = createDevicePages({ renderer, flash });
  /** Only the person may sign a device in, never an operator who views as them. */
  const unlessViewed =
    <Rest extends unknown[]>(show: (ctx: ProviderContext, ...rest: Rest) => Promise<void>) =>
    async (ctx: ProviderContext, ...rest: Rest): Promise<void> => {
      if (!(await showView(ctx))) return show(ctx, ...rest);
      ctx.status = 403;
      const requestId = ctx.get('X-Request-Id');
      return renderer.render(ctx, 'error', {
        code: 'viewing',
        requestId,
        homeUrl: '/',
      });
    };
  return {
    device: {
      ...devicePages,
      enter: unlessViewed(devicePages.enter),
      confirm: unlessViewed(devicePages.confirm),
    },
    async error(ctx, { error, error_description: description }, help) {
      const page = ctx as unknown as Context;
      await showView(ctx);
      if (error === 'invalid_request' && description !== undefined && OVER.test(description)) {
        renderer.render(page, 'expired', { homeUrl: '/' });
        return;
      }
      renderer.render(page, 'error', {
        code: error,
        description,
        requestId: ctx.get('X-Request-Id'),
        homeUrl: '/',
        help: help && (await isDeveloper(ctx)) ? help : undefined,
      });
    },
    async logout(ctx, form) {
      await showView(ctx);
      const accountId = ctx.oidc.session?.accountId;
      const account = accountId === undefined ? null : await accounts.find(accountId);
      renderer.render(ctx, 'logout', {
        ...form,
        account: account ?? undefined,
        client: ctx.oidc.client,
        leadsToClient: ctx.oidc.params?.['post_logout_redirect_uri'] !== undefined,
      });
    },
    async formPost(ctx, form) {
      // A browser that returns as another person is first signed out; the session then names the client.
      const { clientId } = (ctx.oidc.session?.state ?? {}) as { clientId?: string };
      const client = ctx.oidc.client ?? (await ctx.oidc.provider.Client.find(clientId ?? ''));
      renderer.render(ctx, 'form-post', { ...form, client, leadsToClient: true });
    },
    async repost(ctx, form) {
      renderer.render(ctx, 'form-post', { ...form, client: undefined, leadsToClient: true });
    },
    async loggedOut(ctx, logout) {
      const page = ctx as unknown as Context;
      const clientId = ctx.oidc.client?.clientId;
      // Redirect after the post, so that a reload sends nothing again.
      const url = logout && keepLoggedOutPage(page, flash, { ...logout, clientId });
      if (url) return seeOther(page, url);
      const { frames = [], continueUrl } = logout ?? {};
      // Without frames, the library names the client here when the person chose to stay signed in.
      const stayed = logout?.stayed ?? ctx.oidc.params?.['client_id'] !== undefined;
      // Don't let a frame that fails to load hold people up. The script has a timeout.
      if (continueUrl !== undefined) ctx.set('Refresh', `5; url=${continueUrl}`);
      renderer.render(ctx, 'logged-out', {
        stayed,
        signInUrl: '/sign-in',
        client: ctx.oidc.client,
        frames,
        continueUrl,
      });
    },
  };
}
