import type Router from '@koa/router';
import type { PageParts } from '../dependencies.ts';
import { describeEvents } from '../events.ts';
import { type AccountContext, accountFrame, type AccountSteps } from './context.ts';

const SHOWN = 50;

/** What happened to the account, newest first. */
export function activityRoutes(router: Router, { open }: AccountSteps, deps: PageParts): void {
  router.get('/account/activity', ...open, async (ctx: AccountContext) => {
    const events = await deps.history(ctx.state.user.id, { limit: SHOWN });
    deps.renderer.render(ctx, 'account/activity', {
      ...accountFrame(ctx, deps, 'activity'),
      events: describeEvents(events),
    });
  });
}
