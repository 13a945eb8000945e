import type { Context } from 'koa';

const EXPOSED =
  'ETag, Idempotency-Replayed, Location, WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id';

/**
 * Any origin may call: what counts is the token, which a browser sends for nobody by itself, and cookies count for
 * nothing here. @returns whether the request was but a preflight, which is answered.
 */
export function allowAnyOrigin(ctx: Context): boolean {
  ctx.set('Access-Control-Allow-Origin', '*');
  if (ctx.method !== 'OPTIONS' || ctx.get('Access-Control-Request-Method') === '') {
    ctx.set('Access-Control-Expose-Headers', EXPOSED);
    return false;
  }
  ctx.set({
    'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
    'Access-Control-Allow-Headers':
      'Authorization, Content-Type, DPoP, Accept-Language, If-Match, Idempotency-Key',
    'Access-Control-Max-Age': '7200',
  });
  ctx.status = 204;
  return true;
}
