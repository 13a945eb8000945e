import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Actor } from '../core/actor.ts';

/** Who calls the provider. The listener has already verified the address and the request id. */
export const requestActor = (ctx: KoaContextWithOIDC, kind: Actor['kind'], id: string | null): Actor => ({
  kind,
  id,
  door: 'oidc',
  ip: ctx.get('X-Forwarded-For') || null,
  userAgent: ctx.get('User-Agent') || null,
  requestId: ctx.get('X-Request-Id') || null,
});
