import { isLoopbackHostname } from '../../core/network.ts';
import { holds } from '../../core/security-profiles.ts';
import { JWT_BEARER } from '../tokens/grant-types.ts';
import type { Metadata } from './property.ts';

const CIBA = 'urn:openid:params:grant-type:ciba';
const CODE = 'authorization_code';

/**
 * Recognizes an app on the user's device by redirect URIs that no web app has (RFC 8252 section 7): a custom scheme, or a
 * loopback address without a port, which the app chooses when it runs.
 */
function isNative(uri: unknown): boolean {
  const url = typeof uri === 'string' ? URL.parse(uri) : null;
  if (!url || url.protocol === 'https:') return false;
  return url.protocol !== 'http:' || (isLoopbackHostname(url.hostname) && url.port === '');
}

const without = (metadata: Metadata, implied: Metadata): Metadata =>
  Object.fromEntries(
    Object.entries(implied).filter(([name, value]) => value !== undefined && metadata[name] === undefined),
  );

/** Properties implied by a changed one: response types, and the CIBA delivery mode. */
function impliedByChange(metadata: Metadata): Metadata {
  const { grant_types: grants, backchannel_client_notification_endpoint: endpoint } = metadata;
  const listed = Array.isArray(grants) ? (grants as unknown[]) : undefined;
  const isCiba = listed?.includes(CIBA) === true;
  return without(metadata, {
    response_types: listed && (listed.includes(CODE) ? ['code'] : []),
    backchannel_token_delivery_mode: typeof endpoint === 'string' ? 'ping' : isCiba ? 'poll' : undefined,
  });
}

/** The changes of a client's metadata with what they imply. Given properties stay as they are. */
export const completeChanges = (changes: Metadata): Metadata => ({ ...changes, ...impliedByChange(changes) });

/** Completes a new client's metadata with implied values. */
export function completeMetadata(metadata: Metadata): Metadata {
  const { redirect_uris: uris = [], apis, profile } = metadata;
  const { grant_types: grants = apis === undefined ? [CODE] : [] } = metadata;
  // It authenticates with each request by an assertion, and needs no secret.
  const isByAssertion =
    metadata['identity_assertion_issuers'] === undefined &&
    Array.isArray(grants) &&
    grants.length === 1 &&
    grants[0] === JWT_BEARER;
  // FAPI 2.0 allows this and mutual TLS; the choice must be explicit.
  const ownKeys = holds(profile as string | undefined, 'fapi2') ? 'private_key_jwt' : undefined;
  const implied = without(metadata, {
    grant_types: grants,
    redirect_uris: uris,
    application_type: Array.isArray(uris) && uris.some(isNative) ? 'native' : undefined,
    token_endpoint_auth_method: isByAssertion ? 'none' : ownKeys,
  });
  return completeChanges({ ...metadata, ...implied });
}
