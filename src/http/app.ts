import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { isConnectionError } from '../core/network.ts';
import type { CookieSigner } from '../oidc/cookies.ts';
import type { Guard } from './endpoints/guard.ts';
import type { PageDependencies } from './pages/dependencies.ts';
import { pageErrors } from './pages/errors.ts';
import { pageHeaders } from './pages/security-headers.ts';
import { limitPosts } from './pages/post-limit.ts';
import { pageRoutes } from './pages/routes.ts';
import { guardViews } from './pages/viewing.ts';
import { type Owner, routeOf } from './routes.ts';

export interface AppDependencies extends Pick<Guard, 'limiter' | 'logger' | 'isUnavailable'> {
  pages: PageDependencies;
  /** /admin */
  console: Middleware;
  contracts: Middleware;
  /** /api/v2 */
  api: Middleware;
  /** /scim/v2 */
  scim: Middleware;
  /** /dev/mail, if available. */
  devMail: Middleware | undefined;
  /** Signs the pages' cookies with the same keys as the provider's. */
  cookieSigner: CookieSigner;
}

/** Lets `middleware` handle the routes of `owner` only. */
const only =
  (owner: Owner, middleware: Middleware): Middleware =>
  (ctx, next) =>
    routeOf(ctx.req).owner === owner ? middleware(ctx, next) : next();

/** The Koa app: everything except the provider's own endpoints. */
export function createApp({
  pages,
  console,
  contracts,
  api,
  scim,
  limiter,
  devMail,
  cookieSigner,
  logger,
  isUnavailable,
}: AppDependencies): Koa {
  const app = new Koa({ proxy: true });
  app.keys = cookieSigner;
  app.on('error', (error: Error, ctx: Context) => {
    if (isConnectionError(error, ctx.req)) return;
    logger.error({ err: error, requestId: ctx.get('X-Request-Id') }, 'reply failed');
  });
  const router = new Router({ exclusive: true });
  pageRoutes(router, pages);
  app.use(only('assets', pages.renderer.assets));
  app.use(contracts);
  app.use(only('api', api));
  app.use(only('scim', scim));
  if (devMail) app.use(only('dev-mail', devMail));
  app.use(pageHeaders);
  app.use(pageErrors({ renderer: pages.renderer, logger, isUnavailable }));
  app.use(limitPosts(limiter));
  app.use(guardViews(pages));
  app.use(only('console', console));
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}
