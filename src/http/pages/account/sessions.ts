import type Router from '@koa/router';
import type { PageParts } from '../dependencies.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/sessions';

/** The browsers that the account is signed in with. */
export function sessionRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, accountSessions } = deps;

  router.get(PATH, ...open, async (ctx: AccountContext) => {
    const { user, session } = ctx.state;
    const sessions = await accountSessions.list(user.id);
    renderer.render(ctx, 'account/sessions', {
      ...accountFrame(ctx, deps, 'sessions'),
      sessions: sessions.map((one) => ({ ...one, current: one.uid === session.uid })),
    });
  });

  router.post(`${PATH}/end-others`, ...posted, async (ctx: AccountContext) => {
    const { user, session } = ctx.state;
    await accountSessions.endOthers(user.id, session.uid, ownerActor(ctx));
    doneAt(ctx, PATH, 'sessions');
  });

  router.post(`${PATH}/:uid/end`, ...posted, async (ctx: AccountContext) => {
    await accountSessions.end(ctx.state.user.id, ctx.params['uid'] ?? '', ownerActor(ctx));
    doneAt(ctx, PATH, 'session');
  });
}
