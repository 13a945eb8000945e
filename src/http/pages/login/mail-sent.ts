import type { PageParts } from '../dependencies.ts';
import type { Message } from '../i18n.ts';
import type { PlaceContext } from './place.ts';

/**
 * Says that a link is on its way. A browser that comes by that link again, and only that browser, finds back into the
 * authorization request that it was asked for in.
 */
export function mailSent(
  ctx: PlaceContext,
  { renderer, returns, devMailUrl }: PageParts,
  { text, againUrl }: { text: Message; againUrl: string },
): void {
  const { frame, urls, interaction } = ctx.state.place;
  if (interaction) returns.set(ctx, '/', interaction.uid);
  renderer.render(ctx, 'mail-sent', { ...frame, text, againUrl, signInUrl: urls.signIn, devMailUrl });
}
