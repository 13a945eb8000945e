import { errors, type Provider } from 'oidc-provider';
import type { ExtraClientProperties } from '../clients/names.ts';

type Authorizations = Record<string, { sid?: string | undefined }>;

/** Skip clients that were deleted or whose metadata has become invalid. */
async function find(provider: Provider, clientId: string): Promise<ExtraClientProperties | undefined> {
  try {
    return (await provider.Client.find(clientId)) as ExtraClientProperties | undefined;
  } catch (error) {
    if (error instanceof errors.InvalidClient || error instanceof errors.InvalidClientMetadata)
      return undefined;
    throw error;
  }
}

/**
 * The frames of a sign-out: the logout pages of the session's clients, each with the issuer and its own session id (OpenID Connect Front-Channel Logout 1.0 section 2).
 */
export async function frontChannelLogoutUris(
  provider: Provider,
  authorizations: Authorizations,
): Promise<string[]> {
  const pages = await Promise.all(
    Object.entries(authorizations).map(async ([clientId, { sid }]) => {
      const uri = (await find(provider, clientId))?.frontchannel_logout_uri;
      if (uri === undefined || sid === undefined) return [];
      const url = new URL(uri);
      url.searchParams.set('iss', provider.issuer);
      url.searchParams.set('sid', sid);
      return [url.href];
    }),
  );
  return pages.flat();
}
