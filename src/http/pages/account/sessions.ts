import type Router from '@koa/router';
import type { AccountSession } from '../../../domain/sessions.ts';
import type { PageParts } from '../dependencies.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/sessions';

/** The browsers and devices that the account is signed in with. */
export function sessionRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, accountSessions, interactions } = deps;

  /** The app of a device that was signed in by a code. */
  const appOf = async ({ kind, clientIds: [clientId = ''] }: AccountSession) =>
    kind === 'device' ? ((await interactions.describe(clientId, [])).client ?? { clientId }) : null;

  router.get(PATH, ...open, async (ctx: AccountContext) => {
    const { user, session } = ctx.state;
    const sessions = await accountSessions.list(user.id);
    renderer.render(ctx, 'account/sessions', {
      ...accountFrame(ctx, deps, 'sessions'),
      sessions: await Promise.all(
        sessions.map(async (one) => ({ ...one, current: one.uid === session.uid, app: await appOf(one) })),
      ),
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
