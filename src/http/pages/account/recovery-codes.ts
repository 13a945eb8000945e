import type { PageParts } from '../dependencies.ts';
import { type AccountContext, accountFrame } from './context.ts';

/** Shows recovery codes, this once. */
export function showCodes(ctx: AccountContext, deps: PageParts, codes: string[]): void {
  deps.renderer.render(ctx, 'account/codes', {
    ...accountFrame(ctx, deps, 'factors'),
    codes,
    onwardUrl: '/account/factors',
  });
}
