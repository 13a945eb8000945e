import { readFile } from 'node:fs/promises';
import type { Middleware } from 'koa';

const css = await readFile(new URL('demo.css', import.meta.url));

/** Answers /demo.css. */
export const stylesheet: Middleware = async (ctx, next) => {
  if (ctx.path !== '/demo.css') {
    await next();
    return;
  }
  ctx.type = 'text/css';
  ctx.body = css;
};
