import type { Context } from 'koa';

/** The language that a client asks for first (RFC 9110 section 12.5.4), for mail to an account that has none. */
export const localeOf = (ctx: Context): string | undefined =>
  /^[a-z]{2,3}(?:-[a-z\d]{2,8})*/i.exec(ctx.get('Accept-Language'))?.[0];
