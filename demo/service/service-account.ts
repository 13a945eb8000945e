/**
 * A service account: a program that calls an API for itself, with no person around. It gets its tokens by the client
 * credentials grant (RFC 6749 section 4.4) and says which API they are for (RFC 8707).
 */
import * as oidc from 'openid-client';

export interface ServiceAccountOptions {
  issuer: string;
  clientId: string;
  clientSecret: string;
}

/** What a token shall be for; without `resource` it is for Postern's own API. */
export interface TokenRequest {
  resource?: string;
  scope?: string;
}

/** @returns a function that gets an access token, the same one until it is about to expire. */
export async function createServiceAccount({ issuer, clientId, clientSecret }: ServiceAccountOptions) {
  const provider = await oidc.discovery(
    new URL(issuer),
    clientId,
    undefined,
    oidc.ClientSecretBasic(clientSecret),
    issuer.startsWith('http:') ? { execute: [oidc.allowInsecureRequests] } : {},
  );
  const kept = new Map<string, { token: string; until: number }>();

  return async function accessToken(request: TokenRequest): Promise<string> {
    const key = JSON.stringify(request);
    const known = kept.get(key);
    if (known && known.until > Date.now()) return known.token;
    const tokens = await oidc.clientCredentialsGrant(provider, { ...request });
    // A new one a little before the end, so that none expires on its way.
    const until = Date.now() + ((tokens.expires_in ?? 0) - 30) * 1000;
    kept.set(key, { token: tokens.access_token, until });
    return tokens.access_token;
  };
}
