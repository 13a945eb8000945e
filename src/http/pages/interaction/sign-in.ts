import { isUuid } from '../../../core/ids.ts';
import type { Acr } from '../../../domain/mfa/index.ts';
import type { OpenInteraction } from '../../../oidc/interactions/interactions.ts';
import type { PageParts } from '../dependencies.ts';
import { afterLogout } from '../logged-out.ts';
import { type SignIn, signInUrls, remembers } from '../login/context.ts';
import { noteDevice } from '../sign-in.ts';

/** The acr of a sign-in with a passkey alone. */
export const PHISHING_RESISTANT: Acr = 'urn:postern:acr:phr';

export const interactionPath = (uid: string): string => `/interaction/${uid}`;

/** Where the pages of an interaction are. */
export const interactionUrls = (uid: string): Pick<SignIn, 'path' | 'urls'> => {
  const path = interactionPath(uid);
  return { path, urls: signInUrls(path, { create: '/create' }) };
};

const frame = ({ client, uiLocales, redirectUri }: OpenInteraction) => ({
  client,
  uiLocales,
  leadsToClient: redirectUri !== undefined,
});

/** Signing in to an authorization request. */
export async function interactionSignIn(interaction: OpenInteraction, deps: PageParts): Promise<SignIn> {
  const { accounts, interactions, mfa } = deps;
  const { uid, prompt, accountId, loginHint, hintedId } = interaction;
  const { path, urls } = interactionUrls(uid);
  // Whoever comes from one of these pages wants another account; for a fresh login it is the one asked for, or in use.
  const isAnother = prompt === 'consent' || prompt === 'select_account';
  const suggested = isAnother ? undefined : (hintedId ?? accountId);
  const isSame = accountId !== undefined && suggested === accountId && prompt !== 'create';
  const present = isSame ? { accountId, remember: interaction.remembered } : null;
  const user = isUuid(suggested) ? await accounts.find(suggested) : null;
  return {
    path,
    urls,
    cancelAction: `${path}/abort`,
    frame: frame(interaction),
    interaction,
    passkeyOnly: interaction.acr === PHISHING_RESISTANT && mfa.passkeys.available,
    suggestedIdentifier: isAnother ? '' : (loginHint ?? user?.email ?? ''),
    present,
    notice: undefined,
    act: undefined,
    async finish(ctx, signedIn) {
      noteDevice(ctx, deps, signedIn);
      const login = { ...signedIn, remember: remembers({ present }, signedIn) };
      const { continueUrl, ended } = await interactions.login(ctx.req, ctx.res, login);
      return afterLogout(ctx, deps, ended, continueUrl);
    },
  };
}
