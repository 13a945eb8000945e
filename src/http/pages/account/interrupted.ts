import type Router from '@koa/router';
import type { Context } from 'koa';
import type { PageParts } from '../dependencies.ts';
import { field } from '../form.ts';
import { seeOther } from '../replies.ts';
import { type AccountContext, accountFrame, type AccountSteps } from './context.ts';

export const CONTINUE = '/account/continue';
const PATH = '/account';

/** What somebody sent who had to sign in again for it. */
export interface Act {
  accountId: string;
  /** Where the form is posted, and what is in it: nothing secret. */
  action: string;
  fields: Readonly<Record<string, string>>;
}

/** @param names the fields to keep. */
export function keepAct(
  ctx: Context,
  { acts }: Pick<PageParts, 'acts'>,
  accountId: string,
  names: readonly string[],
): void {
  const fields = Object.fromEntries(names.map((name) => [name, field(ctx, name).slice(0, 320)]));
  acts.set(ctx, PATH, { accountId, action: ctx.url, fields });
}

/** What was interrupted by a sign-in goes on, for the same person: its form is sent once more. */
export function interruptedRoutes(router: Router, { openFresh }: AccountSteps, deps: PageParts): void {
  const { renderer, acts } = deps;
  router.get(CONTINUE, ...openFresh(PATH), (ctx: AccountContext) => {
    const act = acts.read(ctx, PATH);
    acts.clear(ctx, PATH);
    if (act?.accountId !== ctx.state.user.id) return seeOther(ctx, PATH);
    const { action, fields } = act;
    return renderer.render(ctx, 'account/continue', {
      ...accountFrame(ctx, deps, 'overview'),
      action,
      fields,
    });
  });
}
