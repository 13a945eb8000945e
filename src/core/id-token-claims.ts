/** What ID tokens have: the claims of the granted scopes, or only that somebody signed in, when and how. */
export const ID_TOKEN_CLAIMS = ['scopes', 'minimal'] as const;
