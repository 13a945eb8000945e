import type { Context } from 'koa';
import type { Actor } from '../core/actor.ts';

/** What pages inside an authorization request know of it. */
interface State {
  clientId?: string | undefined;
}

/** An unauthenticated requester. The listener has verified the address and the request id. */
export function anonymousActor(ctx: Context, door: string): Actor {
  const { clientId } = ctx.state as State;
  return {
    kind: 'anonymous',
    id: null,
    door,
    ip: ctx.get('X-Forwarded-For') || null,
    userAgent: ctx.get('User-Agent') || null,
    requestId: ctx.get('X-Request-Id') || null,
    ...(clientId === undefined ? {} : { clientId }),
  };
}

/** The same for an authenticated account. */
export const userActor = (ctx: Context, door: string, accountId: string): Actor => ({
  ...anonymousActor(ctx, door),
  kind: 'user',
  id: accountId,
});

/** The same for a client that acts for itself. */
export const clientActor = (ctx: Context, door: string, clientId: string): Actor => ({
  ...anonymousActor(ctx, door),
  kind: 'client',
  id: clientId,
  clientId,
});
