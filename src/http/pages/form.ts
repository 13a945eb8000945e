import type { Context, Middleware } from 'koa';
import { DomainError } from '../../core/errors.ts';

/** The longest form, in bytes: a few short fields. */
const LIMIT = '32kb';

/**
 * Reads an HTML form (application/x-www-form-urlencoded) into the request's body.
 * Anything else, and a body that is too long or broken, is `invalid_request`.
 */
export const readForm: Middleware = async (ctx, next) => {
  if (!ctx.is('urlencoded')) throw new DomainError('invalid_request', { reason: 'content_type' });
  const parse = await (parser ??= createParser());
  await parse(ctx, async () => undefined);
  await next();
};

let parser: Promise<Middleware> | undefined;

/** Read with the first form: it brings a parser for uploads too, and many servers are for machines alone. */
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

/** One field as text; a field that is missing or was sent twice is empty. */
export function field(ctx: Context, name: string): string {
  const value: unknown = (ctx.request.body as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' ? value : '';
}

/** One field that a script filled in with JSON; undefined when that cannot be read. */
export function jsonField(ctx: Context, name: string): unknown {
  try {
    return JSON.parse(field(ctx, name));
  } catch {
    return undefined;
  }
}
