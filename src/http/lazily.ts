import type { Middleware } from 'koa';

/**
 * A middleware that is created with its first request. `make` imports what it needs: parts that many servers never use cost
 * neither startup time nor memory. After a failure the next request tries again.
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
