/**
 * Finds a mistake in a `frontchannel_logout_uri` (OpenID Connect Front-Channel Logout 1.0 section 2); null when there
 * is none. @param redirectUris of the same client.
 */
export function frontchannelUriProblem(value: unknown, redirectUris: unknown): string | null {
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    return 'must be an absolute http(s) URI';
  if (String(value).includes('#')) return 'must not have a fragment';
  const origins = Array.isArray(redirectUris)
    ? redirectUris.map((uri) => URL.parse(String(uri))?.origin)
    : [];
  return origins.includes(url.origin) ? null : 'must have the scheme, host and port of a redirect URI';
}
