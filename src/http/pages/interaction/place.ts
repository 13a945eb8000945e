import type { Acr } from '../../../domain/mfa/index.ts';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import type { PageParts } from '../dependencies.ts';
import { type Place, placeUrls } from '../login/place.ts';

/** What passkeys alone amount to. */
export const PHISHING_RESISTANT: Acr = 'urn:postern:acr:phr';

export const interactionPath = (uid: string): string => `/interaction/${uid}`;

const frame = ({ client, uiLocales, redirectUri }: OpenInteraction) => ({
  client,
  uiLocales,
  leadsToClient: redirectUri !== undefined,
});

/** Signing in to an authorization request. */
export async function interactionPlace(
  interaction: OpenInteraction,
  { accounts, interactions, mfa }: PageParts,
): Promise<Place> {
  const { uid, prompt, accountId, loginHint } = interaction;
  const base = interactionPath(uid);
  // Who comes from the consent page wants another account; for a fresh login it is the one in use.
  const user = accountId === undefined || prompt === 'consent' ? null : await accounts.find(accountId);
  return {
    path: base,
    urls: placeUrls(base, { create: '/create' }),
    cancelAction: `${base}/abort`,
    frame: frame(interaction),
    interaction,
    passkeyOnly: interaction.acr === PHISHING_RESISTANT && mfa.passkeys.available,
    suggestedIdentifier: prompt === 'consent' ? '' : (loginHint ?? user?.email ?? ''),
    notice: undefined,
    finish: (ctx, signedIn) => interactions.login(ctx.req, ctx.res, signedIn),
  };
}
