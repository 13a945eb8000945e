import type { KoaContextWithOIDC } from 'oidc-provider';

/** Seconds that a browser may remember the answer. */
const MAX_AGE = 3600;

const fixed = {
  'Access-Control-Allow-Headers': 'Authorization, Content-Type',
  'Access-Control-Max-Age': String(MAX_AGE),
};

/**
 * Lets pages of any origin call: there is no client yet whose origins could be compared, and what opens the endpoint is a
 * token in the request, never a cookie (Fetch standard, CORS protocol).
 * @param methods that the endpoint knows
 * @returns whether it was a preflight, which is answered now.
 */
export function answerCors(ctx: KoaContextWithOIDC, methods: string): boolean {
  ctx.set('Access-Control-Allow-Origin', '*');
  if (ctx.method !== 'OPTIONS') {
    ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After');
    return false;
  }
  ctx.set({ ...fixed, 'Allow': `${methods}, OPTIONS`, 'Access-Control-Allow-Methods': methods });
  ctx.status = 204;
  return true;
}
