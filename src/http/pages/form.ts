import type { Context, Middleware, Next } from 'koa';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { type Csrf, isForeign } from './csrf.ts';
import type { Flashes } from './flash.ts';

/** Maximum bytes of a form: a few short fields. */
const LIMIT = '32kb';

/**
 * Reads an HTML form (application/x-www-form-urlencoded) into the request's body. Anything else, and a body that is too long or
 * malformed, is `invalid_request`.
 */
export const readForm: Middleware = async (ctx, next) => {
  if (!ctx.is('urlencoded')) throw new DomainError('invalid_request', { reason: 'content_type' });
  const parse = await (parser ??= createParser());
  await parse(ctx, async () => undefined);
  await next();
};

let parser: Promise<Middleware> | undefined;

/** Loaded with the first form: it includes an upload parser, and many servers never receive a form. */
async function createParser(): Promise<Middleware> {
  const { koaBody } = await import('koa-body');
  return koaBody({
    json: false,
    text: false,
    multipart: false,
    formLimit: LIMIT,
    onError: (error) => {
      throw new DomainError('invalid_request', { reason: 'body' }, { cause: error });
    },
  });
}

/** One field as text; empty when missing or sent twice. */
export function field(ctx: Context, name: string): string {
  const value: unknown = (ctx.request.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' ? value : '';
}

/** One field that a script filled in with JSON; undefined when malformed. */
export function jsonField(ctx: Context, name: string): unknown {
  try {
    return JSON.parse(field(ctx, name));
  } catch {
    return undefined;
  }
}

/**
 * Middleware of every posted form: reads it and checks its CSRF token. A form that was open for longer than the browser's
 * cookie lives is shown again; one that another site sent is refused with `forbidden`.
 * @param pageOf the page of the form.
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
