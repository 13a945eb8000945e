import type Router from '@koa/router';
import type { PageParts } from '../dependencies.ts';
import { seeOther } from '../replies.ts';
import { type AccountContext, accountFrame, type AccountSteps } from './context.ts';

const LIST = '/account/factors';
const PATH = `${LIST}/codes`;

/** On to the page with new recovery codes. */
export const leaveCodes = (ctx: AccountContext, { flash }: PageParts, codes: readonly string[]): void =>
  flash.leave(ctx, PATH, { values: { codes: codes.join(' ') } });

/** Shows recovery codes for the few minutes in which whoever sees them could have new ones as well. */
export function recoveryCodeRoutes(router: Router, { openFresh }: AccountSteps, deps: PageParts): void {
  router.get(PATH, ...openFresh(LIST), (ctx: AccountContext) => {
    const { codes } = deps.flash.read(ctx).values;
    if (codes === undefined) return seeOther(ctx, LIST);
    return deps.renderer.render(ctx, 'account/codes', {
      ...accountFrame(ctx, deps, 'factors'),
      codes: codes.split(' '),
      continueUrl: LIST,
    });
  });
}
