import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Settings } from '../../../config/index.ts';
import { isPermission } from '../../../domain/operators/permissions.ts';
import type { Attributes } from '../../../domain/attributes/index.ts';
import { forLibrary } from '../api-scope.ts';
import type { ApiRegistry } from '../../tokens/apis.ts';
import { EXTRA_METADATA, propertyOf } from '../names.ts';
import { checkRegistrantMetadata, type Metadata, refuse } from './metadata.ts';
import { claimsOf, type StatementReader } from './statements.ts';

export type RegistrationPolicy = Settings['clientRegistration']['policies'][string];

const CODE_GRANT = 'authorization_code';

/** The policy for registration without a token where it is not open: scopes of open APIs only. */
export const OPEN_APIS: RegistrationPolicy = {
  grantTypes: [CODE_GRANT, 'refresh_token'],
  scopes: ['openid', 'offline_access'],
  authMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  redirectHosts: null,
  metadata: [],
};

function listed(metadata: Metadata, name: string, otherwise: string[]): string[] {
  const value = metadata[name] ?? otherwise;
  if (!Array.isArray(value) || !value.every((member) => typeof member === 'string'))
    refuse(`${name} must be a list of strings`);
  return value;
}

/**
 * The scopes to store with a client. Those of open APIs are not stored: it may request them while the API is open.
 * @param ofOpenApis the scopes of open APIs
 * @param exists whether a scope is anything here at all
 * @param isForgiving drops unavailable scopes unless nothing is left, because libraries request every scope they know; and
 *   scopes of other services in any case, because assistants name their own
 */
function checkScopes(
  { scope }: Metadata,
  allowed: string[],
  ofOpenApis: ReadonlySet<string>,
  exists: (scope: string) => boolean,
  isForgiving: boolean,
): string {
  if (scope === undefined || scope === '') return allowed.join(' ');
  if (typeof scope !== 'string') refuse('scope must be a string');
  const asked = scope.split(' ').filter((name) => name !== '' && (!isForgiving || exists(name)));
  if (isForgiving && asked.length === 0) return allowed.join(' ');
  const foreign = asked.filter((name) => !allowed.includes(name) && !ofOpenApis.has(name));
  if (foreign.length > 0 && !(isForgiving && foreign.length < asked.length))
    refuse(`scope must not contain ${foreign.join(' ')}`);
  return isForgiving ? allowed.join(' ') : asked.filter((name) => allowed.includes(name)).join(' ');
}

/**
 * Drops unavailable values of a requested property: libraries request everything they know, and the reply names what
 * was registered (RFC 7591 section 2).
 * @throws InvalidClientMetadata when nothing is left.
 */
export function offered(metadata: Metadata, name: string, otherwise: string[], offer: string[]): string[] {
  const asked = listed(metadata, name, otherwise);
  const kept = asked.filter((one) => offer.includes(one));
  if (asked.length > 0 && kept.length === 0)
    refuse(`${name} must ${offer.length > 0 ? `contain ${offer.join(' or ')}` : 'be empty'}`);
  return kept;
}

/** Postern's own metadata stays as the operator set it, unless the policy allows changing it. */
function checkOwn(metadata: Metadata, allowed: string[], current: Metadata): void {
  for (const name of EXTRA_METADATA) {
    const { registrants } = propertyOf(name);
    if (registrants === 'all' || (registrants === 'policy' && allowed.includes(name))) continue;
    const is = name === 'api_scope' ? undefined : current[name];
    if (metadata[name] !== undefined && JSON.stringify(metadata[name]) !== JSON.stringify(is))
      refuse(`${name} cannot be set at registration`);
    if (is !== undefined) metadata[name] = is;
  }
}

/** A software statement takes precedence over the request (RFC 7591 section 2.3), and binds the client when it changes itself. */
async function applyStatement(metadata: Metadata, current: unknown, read: StatementReader): Promise<void> {
  const statement = metadata['software_statement'] ?? current;
  if (statement === undefined) return;
  // A statement that was valid at registration may be invalid now.
  const isKnown = typeof statement === 'string' && statement === current;
  Object.assign(metadata, isKnown ? claimsOf(statement) : await read(statement), {
    software_statement: statement,
  });
}

const hostOf = (uri: string): string => URL.parse(uri)?.hostname ?? '';

/** Possible scopes: those of APIs, and of OpenID Connect with those of attributes. */
export interface ScopeSources {
  apis: Pick<ApiRegistry, 'dynamic' | 'open'>;
  attributes: Pick<Attributes, 'scopes'>;
}

/**
 * Applies a policy to submitted metadata: refuses or completes it.
 * @param registration how the client registers
 * @param apis open ones may be requested under any policy
 */
export function createPolicyCheck(
  policy: RegistrationPolicy,
  registration: 'token' | 'open',
  { apis, attributes }: ScopeSources,
  readStatement: StatementReader,
) {
  // A self-registered client never gets management permissions, whatever its policy.
  const scopes = policy.scopes.filter((scope) => !isPermission(scope));
  return async (ctx: KoaContextWithOIDC, metadata: Metadata): Promise<void> => {
    // The existing client when it updates itself; absent at registration.
    const current = (ctx.oidc.client ?? {}) as unknown as Metadata;
    await applyStatement(metadata, current['software_statement'], readStatement);
    checkRegistrantMetadata(metadata);
    checkOwn(metadata, policy.metadata, current);
    if (registration === 'open' && apis.dynamic.length > 0) metadata['agent'] ??= true;
    // The library adds the grant that a response type needs, so without that grant drop the response type.
    const responses = policy.grantTypes.includes(CODE_GRANT) ? ['code'] : [];
    Object.assign(metadata, {
      grant_types: offered(metadata, 'grant_types', [CODE_GRANT], policy.grantTypes),
      response_types: offered(metadata, 'response_types', responses, responses),
    });
    const method = metadata['token_endpoint_auth_method'] ?? 'client_secret_basic';
    if (!policy.authMethods.some((allowed) => allowed === method))
      refuse(`token_endpoint_auth_method must be one of ${policy.authMethods.join(', ')}`);
    const hosts = policy.redirectHosts;
    const redirects = listed(metadata, 'redirect_uris', []);
    if (hosts && !redirects.every((uri) => hosts.includes(hostOf(uri))))
      refuse(`redirect_uris must be at ${hosts.join(' or ')}`);
    metadata['client_name'] ??= hostOf(redirects[0] ?? '') || metadata['client_id'];
    const ofOpenApis = new Set(apis.dynamic.flatMap((api) => api.scopes));
    const oidcScopes = attributes.scopes();
    const exists = (name: string) =>
      oidcScopes.includes(name) || apis.open.some((api) => api.scopes.includes(name));
    const scope = checkScopes(metadata, scopes, ofOpenApis, exists, policy === OPEN_APIS);
    Object.assign(metadata, { registration }, forLibrary({ scope: scope || 'openid' }, oidcScopes));
  };
}
