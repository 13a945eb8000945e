/** Every algorithm that the provider signs with (RFC 7518 section 3.1, RFC 8037), each with a key of its own. */
export const SIGNING_ALGS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

export type SigningAlg = (typeof SIGNING_ALGS)[number];

/**
 * Algorithms for signatures by others, with keys that they publish (RFC 8725 section 3.1). No HS*, because secrets are
 * stored as hashes; no `none`, because it is no signature.
 */
export const ACCEPTED_ALGS = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;

/** Values of the `typ` header of JWT access tokens: RFC 9068 section 2.1, or RFC 7519 section 5.1. */
export const TOKEN_TYPE_HEADERS = ['at+jwt', 'jwt'] as const;

export type TokenTypeHeader = (typeof TOKEN_TYPE_HEADERS)[number];

/** The content of ID tokens: claims of the granted scopes, or only the authentication event. */
export const ID_TOKEN_CLAIMS = ['scopes', 'minimal'] as const;

/** Decodes the payload of a JWT without verifying it: only to route it, never to trust it. Null when malformed. */
export function unverifiedClaims(token: string): Record<string, unknown> | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
