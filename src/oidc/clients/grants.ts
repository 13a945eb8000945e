import type { ClientMetadata } from 'oidc-provider';
import { JWT_BEARER, TOKEN_EXCHANGE } from '../tokens/grant-types.ts';

/** Grants that stand on nothing but who the client is: not for one that cannot prove it (RFC 6749 section 4.4). */
const CONFIDENTIAL_GRANTS = ['client_credentials', TOKEN_EXCHANGE];

/** What is wrong with the grants of a client, or null. */
export function grantsProblem(metadata: Partial<ClientMetadata>): string | null {
  const { grant_types: grants = [], token_endpoint_auth_method: method } = metadata;
  const refused = CONFIDENTIAL_GRANTS.find((grant) => grants.includes(grant));
  if (method === 'none' && refused !== undefined)
    return `grant_types: a public client cannot have ${refused}`;
  const hasKeys = ['jwks', 'jwks_uri', 'assertion_issuers'].some((name) => metadata[name] !== undefined);
  if (grants.includes(JWT_BEARER) && !hasKeys)
    return `grant_types: ${JWT_BEARER} needs jwks, jwks_uri or assertion_issuers`;
  return null;
}
