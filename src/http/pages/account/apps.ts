import type Router from '@koa/router';
import type { ConnectedApp } from '../../../domain/sessions.ts';
import { isDomainError } from '../../../core/errors.ts';
import type { PageParts } from '../dependencies.ts';
import { field } from '../form.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/apps';
const KEYS = '/account/api-keys';

/** The apps that may act for the account, and the API keys of programs that do. */
export function appRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, accountSessions, apiKeys, interactions } = deps;

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
    const { id } = ctx.state.user;
    const [connected, keys] = await Promise.all([accountSessions.apps(id), apiKeys.list(id)]);
    const apps = await Promise.all(connected.map(display));
    renderer.render(ctx, 'account/apps', {
      ...accountFrame(ctx, deps, 'apps'),
      action: `${PATH}/disconnect`,
      apps,
      keysAction: KEYS,
      apiKeys: keys,
    });
  });

  router.post(`${PATH}/disconnect`, ...posted, async (ctx: AccountContext) => {
    await accountSessions.disconnect(ctx.state.user.id, field(ctx, 'client'), ownerActor(ctx));
    doneAt(ctx, PATH, 'app');
  });

  router.post(`${KEYS}/:id/revoke`, ...posted, async (ctx: AccountContext) => {
    const { user } = ctx.state;
    await apiKeys.revoke(ctx.params['id'] ?? '', user.id, ownerActor(ctx)).catch((error: unknown) => {
      // Treat what another tab revoked as revoked.
      if (!isDomainError(error, 'api_key_not_found')) throw error;
    });
    doneAt(ctx, PATH, 'key');
  });
}
