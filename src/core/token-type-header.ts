/** What an API's JWT access tokens may say that they are (`typ`): RFC 9068 section 2.1, or RFC 7519 section 5.1. */
export const TOKEN_TYPE_HEADERS = ['at+jwt', 'jwt'] as const;

export type TokenTypeHeader = (typeof TOKEN_TYPE_HEADERS)[number];
