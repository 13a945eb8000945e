/** The account pages. */
import type Router from '@koa/router';
import type { PageParts } from '../dependencies.ts';
import { activityOf, activityRoutes, appRoutes, sessionRoutes } from './sessions.ts';
import { type AccountContext, accountFrame, accountSteps, interruptedRoutes } from './context.ts';
import { dataRoutes } from './data.ts';
import { emailRoutes, passwordRoutes } from './credentials.ts';
import { factorRoutes, recoveryCodeRoutes, totpRoutes } from './factors.ts';
import { identityRoutes } from './identities.ts';
import { profileRoutes } from './profile.ts';
import { requestRoutes } from './requests.ts';

/** Number of events on the overview. */
const LATEST = 3;

export function accountRoutes(router: Router, deps: PageParts): void {
  const steps = accountSteps(deps);
  const { renderer, mfa, accountSessions, backchannelAnswers, impersonation } = deps;

  router.get('/account', ...steps.open, async (ctx: AccountContext) => {
    const { id } = ctx.state.user;
    const [{ totp, passkeys, recoveryCodesLeft }, sessions, apps, requests, views, activity] =
      await Promise.all([
        mfa.status(id),
        accountSessions.list(id),
        accountSessions.apps(id),
        backchannelAnswers.waiting(id),
        impersonation.waiting(id),
        activityOf(ctx.state.user, deps),
      ]);
    renderer.render(ctx, 'account/overview', {
      ...accountFrame(ctx, deps, 'overview'),
      factors: totp.length + passkeys.length,
      recoveryCodesLeft,
      sessions: sessions.length,
      apps: apps.length,
      requests: requests.length + views.length,
      latest: activity.flatMap(({ lines }) => lines).slice(0, LATEST),
    });
  });
  for (const routes of [
    profileRoutes,
    emailRoutes,
    passwordRoutes,
    factorRoutes,
    totpRoutes,
    recoveryCodeRoutes,
    interruptedRoutes,
    identityRoutes,
    sessionRoutes,
    appRoutes,
    requestRoutes,
    activityRoutes,
    dataRoutes,
  ]) {
    routes(router, steps, deps);
  }
}
