import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { CONTRACT_CLIENT } from '../../core/contract-client.ts';
import { isLoopbackHostname } from '../../core/network.ts';
import { holds, type Profile, stricter } from '../../core/security-profiles.ts';
import type { ExtraClientProperties } from './names.ts';

/**
 * Whether an authorization request may come without a code challenge (RFC 9700 section 2.1.1). A public client's may not; a
 * confidential client's may if a `nonce` in its ID token protects it as well, unless its `require_pkce` says otherwise. The
 * library calls this for requests without one.
 * @throws InvalidRequest that names the missing parameter.
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

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;
type Metadata = Record<string, unknown>;

const OWN_KEYS = new Set(['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth']);
const SIGNED_MODES = ['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'];

/** Algorithms with the default RS256. The default cannot be told from a choice, so a profile that forbids it replaces it. */
const SIGNED_BY_US = [
  'id_token_signed_response_alg',
  'authorization_signed_response_alg',
  'introspection_signed_response_alg',
];
const CHOSEN_ALGS = [
  'userinfo_signed_response_alg',
  'request_object_signing_alg',
  'token_endpoint_auth_signing_alg',
  'backchannel_authentication_request_signing_alg',
];

/** A refusal that names the rule. */
function demand(fulfilled: boolean, what: string, rule: string): void {
  if (!fulfilled) throw new errors.InvalidClientMetadata(`${what} (${rule})`);
}

const uris = (metadata: Metadata): unknown[] =>
  Array.isArray(metadata['redirect_uris']) ? (metadata['redirect_uris'] as unknown[]) : [];

function isOpenToListeners(uri: unknown): boolean {
  const url = typeof uri === 'string' ? URL.parse(uri) : null;
  return url?.protocol === 'http:' && !isLoopbackHostname(url.hostname);
}

const isBoundToKey = (metadata: Metadata): boolean =>
  metadata['dpop_bound_access_tokens'] === true ||
  metadata['tls_client_certificate_bound_access_tokens'] === true;

/** OAuth 2.1, whose requirements are sections of RFC 9700. Most of them apply to every client here. */
function applyOAuth21(metadata: Metadata): void {
  demand(
    metadata['require_pkce'] !== false,
    'require_pkce must not be false',
    'OAuth 2.1; RFC 9700 section 2.1.1',
  );
  metadata['require_pkce'] = true;
  demand(
    !uris(metadata).some(isOpenToListeners),
    'redirect_uris must not be http, except on loopback',
    'OAuth 2.1; RFC 9700 section 2.6',
  );
  demand(
    metadata['token_endpoint_auth_method'] !== 'none' ||
      metadata['rotate_refresh_tokens'] !== false ||
      isBoundToKey(metadata),
    'rotate_refresh_tokens must not be false for a public client whose tokens are not bound to a key',
    'OAuth 2.1; RFC 9700 section 2.2.2',
  );
}

/** FAPI 2.0 Security Profile, sections 5.3.2 and 5.4. Properties without a choice are set. */
function applyFapi2(metadata: Metadata): void {
  demand(
    OWN_KEYS.has(String(metadata['token_endpoint_auth_method'])),
    'token_endpoint_auth_method must be private_key_jwt or mutual TLS',
    'FAPI 2.0 Security Profile section 5.3.2.1',
  );
  for (const alg of SIGNED_BY_US) if (metadata[alg] === 'RS256') metadata[alg] = 'ES256';
  for (const alg of CHOSEN_ALGS)
    demand(
      metadata[alg] !== 'RS256',
      `${alg} must be PS256, ES256 or EdDSA`,
      'FAPI 2.0 Security Profile section 5.4.1',
    );
  if (!isBoundToKey(metadata)) metadata['dpop_bound_access_tokens'] = true;
  metadata['id_token_claims'] ??= 'minimal';
  metadata['require_pushed_authorization_requests'] = true;
  metadata['rotate_refresh_tokens'] = false;
}

/** FAPI 2.0 Message Signing, sections 5.3 and 5.4. */
function applyMessageSigning(metadata: Metadata): void {
  metadata['require_signed_request_object'] = true;
  const modes = (metadata['response_modes'] ?? SIGNED_MODES) as unknown;
  demand(
    Array.isArray(modes) && modes.every((mode) => SIGNED_MODES.includes(String(mode))),
    `response_modes must be among ${SIGNED_MODES.join(', ')}`,
    'FAPI 2.0 Message Signing section 5.4',
  );
  metadata['response_modes'] = modes;
}

/**
 * Checks a client's metadata against its own `profile` and the server's, whichever is stricter, and records it. Properties
 * without a choice are set, contradictions are refused. The contracts' own clients follow their documents.
 * @throws InvalidClientMetadata, naming the rule.
 */
export function applyProfile(metadata: Metadata, servers: Profile | null): void {
  if (String(metadata['client_id']).startsWith(CONTRACT_CLIENT)) return;
  const profile = stricter(metadata['profile'] as string | undefined, servers);
  if (profile === undefined) return;
  metadata['profile'] = profile;
  applyOAuth21(metadata);
  if (holds(profile, 'fapi2')) applyFapi2(metadata);
  if (holds(profile, 'fapi2-message-signing')) applyMessageSigning(metadata);
}

/** The profile as the library knows it; the library checks request objects and assertions by it. */
export const fapiProfile = (_ctx: KoaContextWithOIDC, client: Client | undefined): '2.0' | undefined =>
  holds((client as ExtraClientProperties | undefined)?.profile, 'fapi2') ? '2.0' : undefined;

/** Seconds that a code may live under FAPI 2.0 (Security Profile section 5.3.2.2). */
const MAX_CODE_LIFETIME = 60;

/** How long an authorization code of `client` lives, in seconds. @param setting the server's `tokens.authorizationCode`. */
export const codeLifetime = (setting: number, client: ExtraClientProperties): number =>
  holds(client.profile, 'fapi2') ? Math.min(setting, MAX_CODE_LIFETIME) : setting;

/** Whether a JWT that a client signed with `alg` is acceptable (FAPI 2.0 Security Profile section 5.4.1). */
export const mayBeSignedBy = (alg: unknown, client: ExtraClientProperties): boolean =>
  alg !== 'RS256' || !holds(client.profile, 'fapi2');
