import type Router from '@koa/router';
import type { PageDependencies } from './dependencies.ts';
import { seeOther } from './replies.ts';

/** Where password managers look (A Well-Known URL for Changing Passwords; Passkey Endpoints Well-Known URL). */
export function wellKnownRoutes(
  router: Router,
  { config, mfa }: Pick<PageDependencies, 'config' | 'mfa'>,
): void {
  router.get('/.well-known/change-password', (ctx) => seeOther(ctx, '/account/password'));
  if (!mfa.passkeys.available) return;
  router.get('/.well-known/passkey-endpoints', (ctx) => {
    const url = `${config.publicUrl}/account/factors`;
    ctx.body = { enroll: url, manage: url };
  });
}
