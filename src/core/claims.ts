/** Names of claims that have a meaning. No attribute of an account, and no mapped role or group, may use one of them. */

/**
 * Claims of tokens: JWT (RFC 7519), ID token (OpenID Connect Core, Back-Channel Logout), token exchange (RFC 8693), bound
 * tokens (RFC 7800), access tokens (RFC 9068), introspection (RFC 9701), and Postern's own. `__proto__` and `constructor`
 * are not safe as object keys.
 */
export const TOKEN_CLAIMS: readonly string[] = `
  iss sub aud exp nbf iat jti nonce auth_time acr amr azp at_hash c_hash s_hash sid events act may_act cnf scope client_id
  gid delegations authorization_details token_introspection txn _claim_names _claim_sources __proto__ constructor`
  .trim()
  .split(/\s+/);

/** Claims about a person (OpenID Connect Core section 5.1). */
export const PERSON_CLAIMS = [
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'email',
  'email_verified',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'phone_number',
  'phone_number_verified',
  'address',
  'updated_at',
] as const;

export type PersonClaim = (typeof PERSON_CLAIMS)[number];
