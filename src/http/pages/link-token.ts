import type { Context } from 'koa';

/** The token of the link that somebody came by; empty when there is none. */
export function token(ctx: Context): string {
  const value = ctx.query['token'];
  return typeof value === 'string' ? value : '';
}

/** `path` with the same token: where the form of a link's page is posted to. */
export const withToken = (path: string, ctx: Context): string =>
  `${path}?${new URLSearchParams({ token: token(ctx) }).toString()}`;
