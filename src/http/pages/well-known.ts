import type Router from '@koa/router';
import type { PageDependencies } from './dependencies.ts';
import { seeOther } from './replies.ts';

/** Where password managers look (A Well-Known URL for Changing Passwords; Passkey Endpoints Well-Known URL). */
export function wellKnownRoutes(router: Router, { config }: Pick<PageDependencies, 'config'>): void {
  router.get('/.well-known/change-password', (ctx) => seeOther(ctx, '/account/password'));
  router.get('/.well-known/passkey-endpoints', (ctx) => {
    const url = `${config.publicUrl}/account/factors`;
    ctx.body = { enroll: url, manage: url };
  });
}
