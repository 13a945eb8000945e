import type { Context } from 'koa';
import type { Message } from '../i18n.ts';
import type { PageParts } from '../dependencies.ts';
import { field } from '../form.ts';

/** The page that goes on with what a sign-in interrupted. */
export const CONTINUE = '/account/continue';

/** Maximum length of a field. */
const LONGEST = 320;

/** Keeps a form that somebody has to sign in again for. @param names the fields to keep: none that holds a secret. */
export function keepAct(
  ctx: Context,
  { acts }: Pick<PageParts, 'acts'>,
  accountId: string,
  names: readonly string[],
  says: Message,
): void {
  const fields = Object.fromEntries(names.map((name) => [name, field(ctx, name).slice(0, LONGEST)]));
  acts.set(ctx, '/', { accountId, says, action: ctx.url, fields });
}
