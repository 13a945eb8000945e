/** The paths of the provider's endpoints, by the library's names; some have more below them. */
export const ENDPOINTS = {
  authorization: '/oauth2/authorize',
  token: '/oauth2/token',
  userinfo: '/oauth2/userinfo',
  jwks: '/oauth2/jwks',
  introspection: '/oauth2/introspect',
  revocation: '/oauth2/revoke',
  /** OpenID Connect RP-Initiated Logout 1.0; below it is the confirmation. */
  end_session: '/oauth2/logout',
  pushed_authorization_request: '/oauth2/par',
  /** RFC 7591; followed by a client's id, the management endpoint (RFC 7592). */
  registration: '/oauth2/register',
  device_authorization: '/oauth2/device_authorization',
  /** Where people enter the code (RFC 8628 section 3.3): short enough to be typed from a television. */
  code_verification: '/device',
  backchannel_authentication: '/oauth2/bc-authorize',
  /** Where attested clients get a challenge (draft-ietf-oauth-attestation-based-client-auth section 8). */
  challenge: '/oauth2/challenge',
} as const;

/** Where the server's metadata is: OpenID Connect Discovery 1.0, RFC 8414. */
export const METADATA_PATHS = [
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
] as const;

/** Public documents, identical for every caller, that change only with the keys. */
export const PUBLIC_DOCUMENTS: ReadonlySet<string> = new Set([...METADATA_PATHS, ENDPOINTS.jwks]);
