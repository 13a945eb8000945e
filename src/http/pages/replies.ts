import type { Context } from 'koa';

/** `url` with one more query parameter. */
export const withParameter = (url: string, name: string, value: string): string =>
  `${url}${url.includes('?') ? '&' : '?'}${new URLSearchParams({ [name]: value }).toString()}`;

/** Redirects the browser with GET (RFC 9110 section 15.4.4). */
export function seeOther(ctx: Context, url: string): void {
  ctx.status = 303;
  ctx.redirect(url);
}

/** Sets the status of a refused form on the reply that shows it again. `retryAfter` is in seconds. */
export function refused(
  ctx: Context,
  { status, retryAfter }: { status: number; retryAfter?: number | undefined },
): void {
  ctx.status = status;
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter));
}
