import type { PageParts } from '../dependencies.ts';
import type { Message } from '../i18n.ts';
import type { SignInContext } from './context.ts';

/**
 * A link is on its way: a browser that comes by it again, and only that browser, finds back into the authorization
 * request that it was asked for in, which waits for as long as the link lasts.
 */
export async function keepReturn(ctx: SignInContext, { returns, interactions }: PageParts): Promise<void> {
  const { interaction } = ctx.state.signIn;
  if (!interaction) return;
  await interactions.prolong(interaction.uid);
  returns.set(ctx, '/', interaction.uid);
}

/** Says that a link is on its way. */
export function showMailSent(
  ctx: SignInContext,
  { renderer, devMailUrl }: PageParts,
  { text, againUrl }: { text: Message; againUrl: string },
): void {
  const { frame, urls } = ctx.state.signIn;
  renderer.render(ctx, 'mail-sent', { ...frame, text, againUrl, signInUrl: urls.signIn, devMailUrl });
}
