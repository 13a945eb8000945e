import type { Middleware } from 'koa';
import { isDomainError } from '../../core/errors.ts';
import type { Guard } from '../endpoints/guard.ts';
import { pageStatus } from './problems.ts';
import type { Renderer } from './render.ts';

/** Reasons that have their own sentence. */
const OWN_WORDS: ReadonlySet<string> = new Set(['csrf', 'viewing', 'view_link', 'view_over']);

/** Shows the error page for anything that a page route throws or does not answer: no stack trace, a request id. */
export function pageErrors({
  renderer,
  logger,
  isUnavailable,
}: Pick<Guard, 'logger' | 'isUnavailable'> & { renderer: Renderer }): Middleware {
  return async (ctx, next) => {
    const requestId = ctx.get('X-Request-Id');
    const show = (status: number, code: string) => {
      ctx.status = status;
      renderer.render(ctx, 'error', { code, requestId, homeUrl: '/' });
    };
    try {
      await next();
      if (ctx.status === 404 && ctx.body === undefined) show(404, 'not_found');
    } catch (error) {
      if (isUnavailable(error) || isDomainError(error, 'unavailable')) {
        ctx.set('Retry-After', '5');
        // Keep the browser's cookies as they were.
        ctx.remove('Set-Cookie');
        show(503, 'unavailable');
      } else if (isDomainError(error)) {
        if (error.details.retryAfter !== undefined) ctx.set('Retry-After', String(error.details.retryAfter));
        const { reason = '' } = error.details;
        show(pageStatus(error.code), OWN_WORDS.has(reason) ? reason : error.code);
      } else {
        logger.error({ err: error, requestId }, 'page failed');
        show(500, 'server_error');
      }
    }
  };
}
