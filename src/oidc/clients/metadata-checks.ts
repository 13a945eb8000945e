import { type ClientMetadata, errors } from 'oidc-provider';
import type { z } from 'zod';
import { JWT_BEARER, TOKEN_EXCHANGE } from '../tokens/grant-types.ts';
import { extraMetadata } from './extra-metadata.ts';
import { type Metadata, properties, type ExtraProperty } from './property.ts';

/** Grants based on the client's identity alone, which a public client cannot prove (RFC 6749 section 4.4). */
const CONFIDENTIAL_GRANTS = ['client_credentials', TOKEN_EXCHANGE];

/** Finds a mistake in a client's grant types; null when there is none. */
function grantsProblem(metadata: Partial<ClientMetadata>): string | null {
  const { grant_types: grants = [], token_endpoint_auth_method: method } = metadata;
  const refused = CONFIDENTIAL_GRANTS.find((grant) => grants.includes(grant));
  if (method === 'none' && refused !== undefined)
    return `grant_types: a public client cannot have ${refused}`;
  const hasKeys = ['jwks', 'jwks_uri', 'assertion_issuers', 'identity_assertion_issuers'].some(
    (name) => metadata[name] !== undefined,
  );
  if (grants.includes(JWT_BEARER) && !hasKeys)
    return `grant_types: ${JWT_BEARER} needs jwks, jwks_uri or assertion_issuers`;
  return null;
}

/** Finds a mistake in a property of EXTRA_METADATA; null when there is none. */
function extraProblem(name: string, value: unknown, client: Metadata): string | null {
  const schema = (extraMetadata as Record<string, z.ZodType>)[name];
  const property = schema && (properties.get(schema) as ExtraProperty | undefined);
  if (!property || value === undefined) return null;
  return property.conflict?.(value, client) ?? (schema.safeParse(value).success ? null : property.must);
}

/**
 * Checks one property of EXTRA_METADATA, and with it the grants.
 * @throws InvalidClientMetadata (RFC 7591 section 3.2.2).
 */
export function validateExtraMetadata(key: string, value: unknown, client: Partial<ClientMetadata>): void {
  const problem = extraProblem(key, value, client);
  if (problem !== null) throw new errors.InvalidClientMetadata(`${key} ${problem}`);
  const ofGrants = grantsProblem(client);
  if (ofGrants !== null) throw new errors.InvalidClientMetadata(ofGrants);
}
