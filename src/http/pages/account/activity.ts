import type Router from '@koa/router';
import type { AccountEvent } from '../../../domain/history.ts';
import type { User } from '../../../domain/users/index.ts';
import { displayClient } from '../client-display.ts';
import type { PageParts } from '../dependencies.ts';
import { describeEvents, type EventDay } from '../events.ts';
import { type AccountContext, accountFrame, type AccountSteps } from './context.ts';

const SHOWN = 50;

/** The client that an event is about; old clients have one by the name of their door. */
const clientOf = ({ clientId, door }: AccountEvent): string | null =>
  clientId ?? (door.startsWith('contract:') ? door : null);

/** The newest events of an account, in words. */
export async function activityOf(
  { id, zoneinfo }: User,
  { history, interactions }: Pick<PageParts, 'history' | 'interactions'>,
): Promise<EventDay[]> {
  const nameOf = async (clientId: string): Promise<[string, string]> => {
    const { client } = await interactions.describe(clientId, []);
    return [clientId, displayClient(client ?? { clientId }, true).name];
  };
  const events = await history(id, { limit: SHOWN });
  const clientIds = new Set(events.map(clientOf).filter((clientId) => clientId !== null));
  const names = new Map(await Promise.all([...clientIds].map(nameOf)));
  return describeEvents(events, zoneinfo ?? 'UTC', (event) => names.get(clientOf(event) ?? '') ?? null);
}

/** What happened to the account, newest first. */
export function activityRoutes(router: Router, { open }: AccountSteps, deps: PageParts): void {
  router.get('/account/activity', ...open, async (ctx: AccountContext) => {
    deps.renderer.render(ctx, 'account/activity', {
      ...accountFrame(ctx, deps, 'activity'),
      days: await activityOf(ctx.state.user, deps),
    });
  });
}
