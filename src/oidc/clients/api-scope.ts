/**
 * Metadata as the library takes it: its `scope` may contain only scopes of the provider, so those of APIs (any others) go into
 * `api_scope`. A client with only API scopes may request no scope of the provider except `openid`.
 * @param oidcScopes those of the provider
 */
export function forLibrary<T extends Record<string, unknown>>(metadata: T, oidcScopes: readonly string[]): T {
  const { scope } = metadata;
  if (typeof scope !== 'string' || scope === '') return metadata;
  const named = scope.split(' ');
  const standard = named.filter((name) => oidcScopes.includes(name));
  const ofApis = named.filter((name) => !oidcScopes.includes(name));
  return { ...metadata, scope: standard.join(' ') || 'openid', api_scope: ofApis.join(' ') };
}
