import type Router from '@koa/router';
import type { ConnectedApp } from '../../../domain/sessions/index.ts';
import type { PageParts } from '../dependencies.ts';
import { field } from '../form.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/apps';

/** The apps that may act for the account. */
export function appRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, accountSessions, interactions } = deps;

  const display = async ({ clientId, allowed, since }: ConnectedApp) => {
    const { client, apis } = await interactions.describe(clientId, Object.keys(allowed.resourceScopes));
    return {
      clientId,
      client: client ?? { clientId },
      since,
      scopes: allowed.oidcScopes,
      apis: apis.map(({ identifier, name, isOwn }) => ({
        name,
        isOwn,
        scopes: allowed.resourceScopes[identifier] ?? [],
      })),
    };
  };

  router.get(PATH, ...open, async (ctx: AccountContext) => {
    const apps = await Promise.all((await accountSessions.apps(ctx.state.user.id)).map(display));
    renderer.render(ctx, 'account/apps', {
      ...accountFrame(ctx, deps, 'apps'),
      action: `${PATH}/disconnect`,
      apps,
    });
  });

  router.post(`${PATH}/disconnect`, ...posted, async (ctx: AccountContext) => {
    await accountSessions.disconnect(ctx.state.user.id, field(ctx, 'client'), ownerActor(ctx));
    doneAt(ctx, PATH, 'app');
  });
}
