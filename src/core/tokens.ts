/** Every algorithm that the provider signs with (RFC 7518 section 3.1, RFC 8037), each with a key of its own. */
export const SIGNING_ALGS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

export type SigningAlg = (typeof SIGNING_ALGS)[number];

/** What an API's JWT access tokens may say that they are (`typ`): RFC 9068 section 2.1, or RFC 7519 section 5.1. */
export const TOKEN_TYPE_HEADERS = ['at+jwt', 'jwt'] as const;

export type TokenTypeHeader = (typeof TOKEN_TYPE_HEADERS)[number];

/** What ID tokens have: the claims of the granted scopes, or only that somebody signed in, when and how. */
export const ID_TOKEN_CLAIMS = ['scopes', 'minimal'] as const;

/** What a JWT says, whoever signed it: to tell whose it may be, and never to believe it. Null for what is none. */
export function unverifiedClaims(token: string): Record<string, unknown> | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
