import type { Middleware } from 'koa';

/**
 * A middleware that is made with its first request. `make` imports what it needs: rooms that many servers never enter cost
 * neither time at the start nor memory.
 */
export function lazily(make: () => Promise<Middleware>): Middleware {
  let made: Promise<Middleware> | undefined;
  return async (ctx, next) => (await (made ??= make()))(ctx, next);
}
