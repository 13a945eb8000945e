/** The account pages. */
import type Router from '@koa/router';
import type { PageParts } from '../dependencies.ts';
import { activityRoutes, appRoutes, inWords, sessionRoutes } from './sessions.ts';
import { type AccountContext, accountFrame, accountSteps, interruptedRoutes } from './context.ts';
import { dataRoutes } from './data.ts';
import { emailRoutes, passwordRoutes } from './credentials.ts';
import { factorRoutes, recoveryCodeRoutes, totpRoutes } from './factors.ts';
import { identityRoutes } from './identities.ts';
import { profileRoutes } from './profile.ts';
import { requestRoutes } from './requests.ts';

/** Maximum events that the overview reads, and lines that it makes of them. */
const LATEST = { events: 10, lines: 3 };

export function accountRoutes(router: Router, deps: PageParts): void {
  const steps = accountSteps(deps);
  const { renderer, overviewOf } = deps;

  router.get('/account', ...steps.open, async (ctx: AccountContext) => {
    const { user } = ctx.state;
    const { counts, events } = await overviewOf(user.id, LATEST.events);
    const { recoveryCodes, ...others } = counts;
    const days = await inWords(user, events, deps);
    renderer.render(ctx, 'account/overview', {
      ...accountFrame(ctx, deps, 'overview'),
      ...others,
      recoveryCodesLeft: recoveryCodes,
      latest: days.flatMap(({ lines }) => lines).slice(0, LATEST.lines),
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
