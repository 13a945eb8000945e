/**
 * Metadata as the library takes it: its `scope` may name scopes of the provider alone, so those of APIs (any others) go
 * into `api_scope`. A client that names only these may ask for no other of the provider than `openid`.
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
