import type { Middleware } from 'koa';

/**
 * A middleware that is made with its first request. `make` imports what it needs: rooms that many servers never enter cost
 * neither time at the start nor memory. The next request tries again when it failed.
 */
export function lazily(make: () => Promise<Middleware>): Middleware {
  let made: Promise<Middleware> | undefined;
  const get = () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
  return async (ctx, next) => (await get())(ctx, next);
}
