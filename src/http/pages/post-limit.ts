import type { Middleware } from 'koa';
import { anonymousActor } from '../actor.ts';
import { type Limiter, sourceCaller } from '../endpoints/limiter.ts';

/**
 * Limits posted forms by source, before anything is read or done for them. The pages count as one contract whose forms all
 * contain secrets.
 */
export const limitPosts =
  (limiter: Limiter): Middleware =>
  async (ctx, next) => {
    if (ctx.method === 'POST')
      await limiter(ctx, 'pages', 'credentials', sourceCaller(anonymousActor(ctx, 'pages')));
    await next();
  };
