import type { Context, Middleware, Next } from 'koa';
import { isDomainError } from '../../core/errors.ts';
import { type Csrf, isForeign } from './csrf.ts';
import type { Flashes } from './flash.ts';
import { readForm } from './form.ts';

/**
 * What stands before every posted form: it is read, and must carry its CSRF token. One that was open for longer than the
 * browser's cookie lives is shown again; one that another site sent is refused with `forbidden`.
 * @param pageOf the page that the form is on.
 */
export function posted(
  { csrf, flash }: { csrf: Csrf; flash: Flashes },
  pageOf: (ctx: Context) => string,
): Middleware[] {
  const guard = async (ctx: Context, next: Next): Promise<void> => {
    try {
      csrf.check(ctx, ctx.request.body);
    } catch (error) {
      if (isForeign(ctx) || !isDomainError(error, 'forbidden')) throw error;
      const problems = [{ field: null, message: 'problem.stale' as const }];
      return flash.leave(ctx, pageOf(ctx), { status: 403, problems });
    }
    return next();
  };
  return [readForm, guard];
}
