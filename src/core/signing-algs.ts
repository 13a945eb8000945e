/** Every algorithm that the provider signs with (RFC 7518 section 3.1, RFC 8037), each with a key of its own. */
export const SIGNING_ALGS = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;

export type SigningAlg = (typeof SIGNING_ALGS)[number];
