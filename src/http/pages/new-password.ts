import type { Context } from 'koa';
import { type ErrorCode, isDomainError } from '../../core/errors.ts';
import { type PageParts, passwordLength } from './dependencies.ts';
import { field } from './form.ts';
import { withToken } from './link-token.ts';
import { missing } from './problems.ts';
import { attempt } from './sign-in.ts';

/**
 * Answers the form of a link's page where a new password is chosen, by a redirect to that page: it says that it is done, what to
 * mend, or that the link is dead.
 * @param path of the page. @param dead the code that `confirm` throws then.
 */
export async function answerNewPassword(
  ctx: Context,
  { flash, config }: PageParts,
  { path, dead, confirm }: { path: string; dead: ErrorCode; confirm(password: string): Promise<object> },
): Promise<void> {
  const page = withToken(path, ctx);
  const password = field(ctx, 'password');
  if (!password) return flash.leave(ctx, page, { status: 400, problems: [missing('password')] });
  try {
    const done = await attempt(() => confirm(password), passwordLength(config), 400);
    return flash.leave(ctx, page, 'problems' in done ? done : { values: { done: 'yes' } });
  } catch (error) {
    if (!isDomainError(error, dead)) throw error;
    return flash.leave(ctx, page, { values: { dead: 'yes' } });
  }
}
