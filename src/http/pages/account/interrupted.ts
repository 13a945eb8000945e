import type Router from '@koa/router';
import type { PageParts } from '../dependencies.ts';
import { seeOther } from '../replies.ts';
import { CONTINUE } from './acts.ts';
import { type AccountContext, accountFrame, type AccountSteps } from './context.ts';

/** What was interrupted by a sign-in goes on, for the same person: its form is sent once more. */
export function interruptedRoutes(router: Router, { openFresh }: AccountSteps, deps: PageParts): void {
  const { renderer, acts } = deps;
  router.get(CONTINUE, ...openFresh('/account'), (ctx: AccountContext) => {
    const act = acts.read(ctx, '/');
    acts.clear(ctx, '/');
    if (act?.accountId !== ctx.state.user.id) return seeOther(ctx, '/account');
    const { action, fields } = act;
    return renderer.render(ctx, 'account/continue', {
      ...accountFrame(ctx, deps, 'overview'),
      action,
      fields,
    });
  });
}
