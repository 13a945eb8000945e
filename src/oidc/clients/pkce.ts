import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { ExtraClientProperties } from './metadata.ts';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;

/**
 * Whether an authorization request may come without a code challenge (RFC 9700 section 2.1.1): a public client's never;
 * a confidential client's when a `nonce` in its ID token protects it as well, unless its `require_pkce` says otherwise.
 * The library asks for requests that have none.
 * @throws InvalidRequest that says what is missing.
 */
export function requirePkce({ oidc }: KoaContextWithOIDC, client: Client): false {
  const { require_pkce: required } = client as ExtraClientProperties;
  const refuse = (reason: string): never => {
    throw new errors.InvalidRequest(`code_challenge is missing: ${reason}`);
  };
  if (client.clientAuthMethod === 'none') refuse('a public client must use PKCE (RFC 9700 section 2.1.1)');
  if (required === true) refuse('this client must use PKCE (its metadata require_pkce or its profile)');
  const isProtected = Boolean(oidc.params?.['nonce']) && oidc.requestParamScopes.has('openid');
  if (required === undefined && !isProtected)
    refuse('use PKCE, or a nonce with the scope openid (RFC 9700 section 2.1.1)');
  return false;
}
