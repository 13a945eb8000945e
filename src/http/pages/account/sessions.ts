import type Router from '@koa/router';
import { isDomainError } from '../../../core/errors.ts';
import type { AccountEvent } from '../../../domain/history.ts';
import type { AccountSession, ConnectedApp } from '../../../domain/sessions.ts';
import type { User } from '../../../domain/users/index.ts';
import { displayClient } from '../client-display.ts';
import type { PageParts } from '../dependencies.ts';
import { describeEvents, type EventDay } from '../events.ts';
import { field } from '../form.ts';
import { type AccountContext, accountFrame, type AccountSteps, doneAt, ownerActor } from './context.ts';

const PATH = '/account/sessions';

/** The browsers and devices where the account is signed in. */
export function sessionRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, accountSessions, interactions } = deps;

  /** The app of a device that signed in with a code. */
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

const APPS_PATH = '/account/apps';
const KEYS = '/account/api-keys';

/** The apps and API keys that may act for the account. */
export function appRoutes(router: Router, { open, posted }: AccountSteps, deps: PageParts): void {
  const { renderer, accountSessions, apiKeys, interactions } = deps;

  const display = async ({ clientId, allowed, since, lastUsedAt }: ConnectedApp) => {
    const { client, apis } = await interactions.describe(clientId, Object.keys(allowed.resourceScopes));
    return {
      clientId,
      client: client ?? { clientId },
      since,
      lastUsedAt,
      scopes: allowed.oidcScopes,
      apis: apis.map(({ identifier, name, isOwn }) => ({
        name,
        isOwn,
        scopes: allowed.resourceScopes[identifier] ?? [],
      })),
    };
  };

  router.get(APPS_PATH, ...open, async (ctx: AccountContext) => {
    const { id } = ctx.state.user;
    const [connected, keys] = await Promise.all([accountSessions.apps(id), apiKeys.list(id)]);
    const apps = await Promise.all(connected.map(display));
    renderer.render(ctx, 'account/apps', {
      ...accountFrame(ctx, deps, 'apps'),
      action: `${APPS_PATH}/disconnect`,
      apps,
      keysAction: KEYS,
      apiKeys: keys,
    });
  });

  router.post(`${APPS_PATH}/disconnect`, ...posted, async (ctx: AccountContext) => {
    await accountSessions.disconnect(ctx.state.user.id, field(ctx, 'client'), ownerActor(ctx));
    doneAt(ctx, APPS_PATH, 'app');
  });

  router.post(`${KEYS}/:id/revoke`, ...posted, async (ctx: AccountContext) => {
    const { user } = ctx.state;
    await apiKeys.revoke(ctx.params['id'] ?? '', user.id, ownerActor(ctx)).catch((error: unknown) => {
      // Treat what another tab revoked as revoked.
      if (!isDomainError(error, 'api_key_not_found')) throw error;
    });
    doneAt(ctx, APPS_PATH, 'key');
  });
}

const SHOWN = 50;

/** The client of an event; for old clients, the name of their contract. */
const clientOf = ({ clientId, door }: AccountEvent): string | null =>
  clientId ?? (door.startsWith('contract:') ? door : null);

/** Describes events of an account to its owner. @param events newest first. */
export async function inWords(
  { zoneinfo }: Pick<User, 'zoneinfo'>,
  events: readonly AccountEvent[],
  { interactions }: Pick<PageParts, 'interactions'>,
): Promise<EventDay[]> {
  const nameOf = async (clientId: string): Promise<[string, string]> => {
    const { client } = await interactions.describe(clientId, []);
    return [clientId, displayClient(client ?? { clientId }, true).name];
  };
  const clientIds = new Set(events.map(clientOf).filter((clientId) => clientId !== null));
  const names = new Map(await Promise.all([...clientIds].map(nameOf)));
  return describeEvents(events, zoneinfo ?? 'UTC', (event) => names.get(clientOf(event) ?? '') ?? null);
}

/** The account's events, newest first. */
export function activityRoutes(router: Router, { open }: AccountSteps, deps: PageParts): void {
  router.get('/account/activity', ...open, async (ctx: AccountContext) => {
    const { user } = ctx.state;
    const events = await deps.history(user.id, { limit: SHOWN });
    deps.renderer.render(ctx, 'account/activity', {
      ...accountFrame(ctx, deps, 'activity'),
      days: await inWords(user, events, deps),
    });
  });
}
