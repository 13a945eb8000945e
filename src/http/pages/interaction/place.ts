import type { Acr } from '../../../domain/mfa/index.ts';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import type { PageParts } from '../dependencies.ts';
import { type Place, placeUrls } from '../login/place.ts';

/** What passkeys alone amount to. */
export const PHISHING_RESISTANT: Acr = 'urn:postern:acr:phr';

export const interactionPath = (uid: string): string => `/interaction/${uid}`;

/** Where the pages of an interaction are. */
export const interactionUrls = (uid: string): Pick<Place, 'path' | 'urls'> => {
  const path = interactionPath(uid);
  return { path, urls: placeUrls(path, { create: '/create' }) };
};

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
  const { path, urls } = interactionUrls(uid);
  // Who comes from the consent page wants another account; for a fresh login it is the one in use.
  const user = accountId === undefined || prompt === 'consent' ? null : await accounts.find(accountId);
  return {
    path,
    urls,
    cancelAction: `${path}/abort`,
    frame: frame(interaction),
    interaction,
    passkeyOnly: interaction.acr === PHISHING_RESISTANT && mfa.passkeys.available,
    suggestedIdentifier: prompt === 'consent' ? '' : (loginHint ?? user?.email ?? ''),
    notice: undefined,
    finish: (ctx, signedIn) => interactions.login(ctx.req, ctx.res, signedIn),
  };
}
