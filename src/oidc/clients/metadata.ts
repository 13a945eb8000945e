import { errors } from 'oidc-provider';
import { ID_TOKEN_CLAIMS, type IdTokenClaims } from '../../core/id-token-claims.ts';
import { PROFILES } from '../../core/profiles.ts';
import { OIDC_SCOPES } from '../account.ts';
import { type AssertionIssuer, issuersProblem } from './assertion-issuers.ts';
import { grantsProblem } from './grants.ts';
import { policyProblem, type TokenExchangePolicy } from './token-exchange.ts';
import { frontchannelUriProblem } from '../logout/front-channel-uri.ts';

/**
 * Client metadata of our own, beside RFC 7591's:
 * - `require_pkce`: whether authorization requests must carry a code challenge (RFC 7636). Those of public clients must.
 *   Those of confidential clients must without it, unless they carry a `nonce` with `openid`; with false, not even that;
 * - `refresh_token_grace`: seconds in which a token just rotated gets the same successor; the server's default without;
 * - `allowed_cors_origins`: origins that may call the token, revocation and userinfo endpoints from a browser, beside
 *   those of its redirect URIs;
 * - `first_party`: consent is not asked for;
 * - `default_resource`: the API that tokens are for when a request names none (RFC 8707);
 * - `rotate_refresh_tokens` (true): whether a refresh hands out a new refresh token (RFC 9700 section 4.14.2);
 * - `refresh_token_ttl`: seconds that an unused refresh token lives; the server's `refresh.idle` without;
 * - `refresh_token_absolute_ttl`: seconds that refresh tokens serve after the login, however often they are used; never
 *   more than the server's `refresh.absolute`;
 * - `id_token_claims` (`scopes`): whether its ID tokens have the claims of the granted scopes, or with `minimal` those of
 *   `openid` alone, as of a client with a FAPI profile;
 * - `access_token_ttl`, `id_token_ttl`: seconds that these live, a day at most; an API may have them shorter;
 * - `token_exchange`: what it may get by token exchange (RFC 8693); nothing without;
 * - `assertion_issuers`: other issuers whose assertions, of one subject each, stand for this client (RFC 7523);
 * - `may_act`: the client_id of the one party that may exchange its tokens (RFC 8693 section 4.4);
 * - `frontchannel_logout_uri`, `frontchannel_logout_session_required` (OpenID Connect Front-Channel Logout 1.0);
 * - `apis`: the identifiers of the APIs whose own client it is: it may introspect the access tokens that are for them;
 * - `dpop_require_nonce` (false): whether its DPoP proofs must carry a nonce of this server (RFC 9449 section 8);
 * - `profile`: the rules that it is held to: `oauth2.1`, `fapi2`, `fapi2-message-signing`.
 */
export const EXTRA_METADATA = [
  'require_pkce',
  'refresh_token_grace',
  'allowed_cors_origins',
  'first_party',
  'default_resource',
  'rotate_refresh_tokens',
  'refresh_token_ttl',
  'refresh_token_absolute_ttl',
  'access_token_ttl',
  'id_token_ttl',
  'id_token_claims',
  'token_exchange',
  'may_act',
  'apis',
  'dpop_require_nonce',
  'assertion_issuers',
  'api_scope',
  'frontchannel_logout_uri',
  'frontchannel_logout_session_required',
  'profile',
] as const;

/**
 * Metadata as the library takes it: its `scope` may name scopes of the provider alone, so those of APIs (any others) go
 * into `api_scope`. A client that names only these may ask for no other of the provider than `openid`.
 */
export function forLibrary<T extends Record<string, unknown>>(metadata: T): T {
  const { scope } = metadata;
  if (typeof scope !== 'string' || scope === '') return metadata;
  const named = scope.split(' ');
  const own = named.filter((name) => OIDC_SCOPES.includes(name));
  const ofApis = named.filter((name) => !OIDC_SCOPES.includes(name));
  return { ...metadata, scope: own.join(' ') || 'openid', api_scope: ofApis.join(' ') };
}

const DAY = 86_400;

const secondsUpTo =
  (max: number) =>
  (value: unknown): string | null =>
    Number.isInteger(value) && Number(value) > 0 && Number(value) <= max
      ? null
      : `must be seconds, 1 to ${max}`;

/** What is wrong with a value, or null. `client` is all of the metadata. */
type Check = (
  value: unknown,
  client: { redirect_uris?: unknown; token_endpoint_auth_method?: unknown },
) => string | null;

function pkceProblem(value: unknown, { token_endpoint_auth_method: method }: Parameters<Check>[1]) {
  if (typeof value !== 'boolean') return 'must be true or false';
  return value || method !== 'none' ? null : 'must not be false for a public client (RFC 9700 section 2.1.1)';
}

function apisProblem(value: unknown, { token_endpoint_auth_method: method }: Parameters<Check>[1]) {
  if (method === 'none') return 'must not be of a public client, which anybody can claim to be';
  const areUris = Array.isArray(value) && value.every((uri) => typeof uri === 'string' && URL.canParse(uri));
  return areUris ? null : 'must be a list of absolute URIs';
}

const checks: Record<string, Check> = {
  require_pkce: pkceProblem,
  dpop_require_nonce: (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
  first_party: (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
  refresh_token_grace: (value) =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 60 ? null : 'must be seconds, 0 to 60',
  allowed_cors_origins: (value) =>
    Array.isArray(value) &&
    value.every((origin) => typeof origin === 'string' && URL.parse(origin)?.origin === origin)
      ? null
      : 'must be a list of origins like https://app.example.com',
  rotate_refresh_tokens: (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
  refresh_token_ttl: secondsUpTo(3650 * DAY),
  refresh_token_absolute_ttl: secondsUpTo(3650 * DAY),
  // Keys stay published, and revocations are remembered, for as long as these may live.
  access_token_ttl: secondsUpTo(DAY),
  id_token_ttl: secondsUpTo(DAY),
  id_token_claims: (value) =>
    ID_TOKEN_CLAIMS.some((known) => known === value) ? null : `must be one of ${ID_TOKEN_CLAIMS.join(', ')}`,
  token_exchange: policyProblem,
  assertion_issuers: issuersProblem,
  may_act: (value) => (typeof value === 'string' && value !== '' ? null : 'must be a client_id'),
  apis: apisProblem,
  profile: (value) =>
    PROFILES.some((profile) => profile === value) ? null : `must be one of ${PROFILES.join(', ')}`,
  api_scope: (value) => (typeof value === 'string' ? null : 'must be scopes, with a space between them'),
  default_resource: (value) =>
    typeof value === 'string' && URL.canParse(value) ? null : 'must be an absolute URI',
  frontchannel_logout_uri: (value, client) => frontchannelUriProblem(value, client.redirect_uris),
  frontchannel_logout_session_required: (value) =>
    typeof value === 'boolean' ? null : 'must be true or false',
};

/**
 * Checks one property of EXTRA_METADATA, and with it the grants.
 * @throws InvalidClientMetadata (RFC 7591 section 3.2.2).
 */
export function validateExtraMetadata(_ctx: unknown, key: string, value: unknown, client: object): void {
  const problem = value === undefined ? null : checks[key]?.(value, client);
  if (problem) throw new errors.InvalidClientMetadata(`${key} ${problem}`);
  const ofGrants = grantsProblem(client);
  if (ofGrants !== null) throw new errors.InvalidClientMetadata(ofGrants);
}

/** Where they are read: the library camel-cases the metadata that it knows on its clients, and leaves the rest as it is. */
export interface ExtraClientProperties {
  require_pkce?: boolean;
  refresh_token_grace?: number;
  allowed_cors_origins?: string[];
  first_party?: boolean;
  default_resource?: string;
  dpop_require_nonce?: boolean;
  rotate_refresh_tokens?: boolean;
  refresh_token_ttl?: number;
  refresh_token_absolute_ttl?: number;
  access_token_ttl?: number;
  id_token_ttl?: number;
  id_token_claims?: IdTokenClaims;
  token_exchange?: TokenExchangePolicy;
  may_act?: string;
  apis?: string[];
  assertion_issuers?: AssertionIssuer[];
  /** With the server's, whichever is stricter. */
  profile?: string;
  /** The scopes of APIs in the client's `scope`; undefined when it has none. */
  api_scope?: string;
  frontchannel_logout_uri?: string;
  frontchannel_logout_session_required?: boolean;
}
