import type { Client } from './provider.ts';

type Parameters = Record<string, string | string[]>;

/** An endpoint in discovery, and complete requests to it. */
export interface Endpoint {
  name: string;
  url: string;
  /** Its usual method. */
  method: 'GET' | 'POST';
  requests: Parameters[];
  /** Parameters of these that are optional. */
  optional?: string[];
  /** Whether clients have to authenticate. */
  authenticates: boolean;
}

/** Request parameters of all specifications with endpoints here (IANA "OAuth Parameters"). */
export const PARAMETERS =
  `acr_values actor_token actor_token_type assertion audience auth_req_id authorization_details
  binding_message claims claims_locales client_assertion client_assertion_type client_id client_notification_token
  client_secret code code_challenge code_challenge_method code_verifier device_code display dpop_jkt grant_type
  id_token_hint iss login_hint login_hint_token logout_hint max_age nonce password post_logout_redirect_uri prompt
  redirect_uri refresh_token registration request request_uri requested_expiry requested_token_type resource
  response_mode response_type scope state subject_token subject_token_type token token_type_hint ui_locales user_code
  username`.split(/\s+/);

/** Error codes registered by these specifications, except for server errors. */
export const ERROR_CODES = `access_denied account_selection_required authorization_pending consent_required
  expired_login_hint_token expired_token interaction_required insufficient_scope insufficient_user_authentication
  invalid_authorization_details invalid_binding_message invalid_client invalid_client_metadata invalid_dpop_proof
  invalid_grant invalid_redirect_uri invalid_request invalid_request_object invalid_request_uri invalid_scope
  invalid_software_statement invalid_target invalid_token invalid_user_code login_required missing_user_code
  registration_not_supported request_not_supported request_uri_not_supported slow_down unapproved_software_statement
  unauthorized_client unknown_user_id unmet_authentication_requirements unsupported_grant_type unsupported_response_mode
  unsupported_response_type unsupported_token_type use_dpop_nonce`.split(/\s+/);

/** The API for exchanged tokens. */
export const API = 'https://sweep.example.test';

/** Parameters of a token request besides the grant type. Grants that are not listed have none. */
const GRANTS: Record<string, Parameters> = {
  'authorization_code': {
    code: 'x',
    redirect_uri: 'https://app.example.test/callback',
    code_verifier: 'x'.repeat(43),
  },
  'refresh_token': { refresh_token: 'x' },
  'client_credentials': {},
  'urn:ietf:params:oauth:grant-type:device_code': { device_code: 'x' },
  'urn:openid:params:grant-type:ciba': { auth_req_id: 'x' },
  'urn:ietf:params:oauth:grant-type:token-exchange': {
    resource: API,
    subject_token: 'x',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  },
  'urn:ietf:params:oauth:grant-type:jwt-bearer': { assertion: 'x.y.z' },
};

interface Metadata extends Record<string, unknown> {
  grant_types_supported: string[];
}

/** The endpoints in discovery. New ones are tested without special parameters. */
export async function discoverEndpoints(issuer: string, { id, redirectUri }: Client): Promise<Endpoint[]> {
  const reply = await fetch(`${issuer}/.well-known/openid-configuration`);
  const metadata = (await reply.json()) as Metadata;
  const authorization = {
    client_id: id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
  };
  const known: Record<string, Partial<Endpoint>> = {
    authorization_endpoint: {
      method: 'GET',
      requests: [authorization],
      authenticates: false,
      optional: ['scope'],
    },
    pushed_authorization_request_endpoint: { requests: [authorization], optional: ['client_id', 'scope'] },
    token_endpoint: {
      requests: metadata.grant_types_supported.map((grant) => ({ grant_type: grant, ...GRANTS[grant] })),
      // The first is checked only with a valid code, the other may be called audience, and either may be
      // repeated.
      optional: ['code_verifier', 'resource'],
    },
    introspection_endpoint: { requests: [{ token: 'x' }] },
    revocation_endpoint: { requests: [{ token: 'x' }] },
    device_authorization_endpoint: { requests: [{ scope: 'openid' }], optional: ['scope'] },
    backchannel_authentication_endpoint: { requests: [{ scope: 'openid', login_hint: 'nobody' }] },
    userinfo_endpoint: { authenticates: false },
    registration_endpoint: { authenticates: false },
    end_session_endpoint: {
      method: 'GET',
      requests: [{ client_id: id }],
      authenticates: false,
      optional: ['client_id'],
    },
    jwks_uri: { method: 'GET', authenticates: false },
  };
  return Object.entries(metadata).flatMap(([name, url]): Endpoint[] =>
    typeof url === 'string' && /_endpoint$|^jwks_uri$/.test(name)
      ? [{ name, url, method: 'POST', requests: [{}], authenticates: true, ...known[name] }]
      : [],
  );
}
