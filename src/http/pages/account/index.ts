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

/** Maximum events that the overview reads, and lines that it makes of them. Reading is a quarter of its cost. */
const LATEST = { events: 10, lines: 3 };

export function accountRoutes(router: Router, deps: PageParts): void {
  const steps = accountSteps(deps);
  const { renderer, countOfAccount } = deps;

  router.get('/account', ...steps.open, async (ctx: AccountContext) => {
    const { user } = ctx.state;
    const [{ recoveryCodes, ...counts }, activity] = await Promise.all([
      countOfAccount(user.id),
      activityOf(user, LATEST.events, deps),
    ]);
    renderer.render(ctx, 'account/overview', {
      ...accountFrame(ctx, deps, 'overview'),
      ...counts,
      recoveryCodesLeft: recoveryCodes,
      latest: activity.flatMap(({ lines }) => lines).slice(0, LATEST.lines),
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
