/** Names of parameters in the library's and our own error messages, longer ones first. */
const NAMES = `authorization_details backchannel_authentication_request_signing_alg binding_message
  claims client_assertion_type client_assertion client_id client_notification_token client_secret code_challenge_method
  code_challenge code_verifier device_code dpop_jkt grant_type id_token_hint login_hint_token login_hint max_age nonce
  post_logout_redirect_uri prompt redirect_uri refresh_token requested_expiry requested_token_type request_uri
  response_mode response_type resource scope subject_token_type subject_token actor_token_type actor_token auth_req_id
  assertion audience acr user_code token_type_hint`.split(/\s+/);
const NAMED = new RegExp(`\\b(?:${NAMES.join('|')})\\b`);
const MISSING = /^missing required parameters? '(\w+)'/;
const GRANT_TYPE = /grant-type:\S+ is not allowed|requested grant type/;

/** Parameters of messages that name none. The first match counts. */
const ABOUT: [RegExp, string][] = [
  [/authentication mechanism does not match/, 'token_endpoint_auth_method'],
  [/client is disabled/, 'enabled'],
  [/person may not use the app/, 'allowed_groups'],
  [/client not found|no client authentication/, 'client_id'],
  [/DPoP|jkt/, 'DPoP'],
  [/^origin /, 'Origin'],
  [/PKCE/, 'code_challenge'],
  [/certificate/, 'client certificate'],
  [/authorization header|only be provided using one mechanism/, 'Authorization'],
  [/content-type bodies|request body/, 'Content-Type'],
  [/request object/i, 'request'],
  [/Pushed Authorization Request must/, 'request_uri'],
  [/grant[ -]type/i, 'grant_type'],
  [/authorization details/, 'authorization_details'],
  [/resource indicator/, 'resource'],
  [/\baccess token/, 'Authorization'],
];

const BY_ERROR: Record<string, string> = {
  invalid_scope: 'scope',
  insufficient_scope: 'scope',
  invalid_target: 'resource',
  invalid_authorization_details: 'authorization_details',
  invalid_binding_message: 'binding_message',
  invalid_dpop_proof: 'DPoP',
  invalid_redirect_uri: 'redirect_uri',
  invalid_request_object: 'request',
  invalid_request_uri: 'request_uri',
  unsupported_grant_type: 'grant_type',
  unsupported_response_type: 'response_type',
  unsupported_response_mode: 'response_mode',
  unsupported_token_type: 'token',
  unknown_user_id: 'login_hint',
  unmet_authentication_requirements: 'acr_values',
  login_required: 'prompt',
  consent_required: 'prompt',
  interaction_required: 'prompt',
  account_selection_required: 'prompt',
};

/** Parameters of grants that contain a credential. */
const PRESENTED: Record<string, string> = {
  'authorization_code': 'code',
  'refresh_token': 'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code': 'device_code',
  'urn:openid:params:grant-type:ciba': 'auth_req_id',
  'urn:ietf:params:oauth:grant-type:jwt-bearer': 'assertion',
  'urn:ietf:params:oauth:grant-type:token-exchange': 'subject_token',
};

const BY_AUTH_METHOD: Record<string, string> = {
  client_secret_basic: 'client_secret',
  client_secret_post: 'client_secret',
  private_key_jwt: 'client_assertion',
};

interface Refused {
  error: string;
  /** Sentences about the error, most precise first. */
  sentences: string[];
  grantType: unknown;
  /** How the client authenticates. */
  authMethod: string | undefined;
}

/** The faulty parameter, header or property of a request, if the error message tells. */
export function parameterAtFault({ error, sentences, grantType, authMethod }: Refused): string | null {
  // Messages about metadata begin with the property's name.
  const [first = ''] = /^\w+/.exec(sentences.at(-1) ?? '') ?? [];
  if (error === 'invalid_client_metadata' || first === 'redirect_uris') return first === '' ? null : first;
  for (const sentence of sentences) {
    if (GRANT_TYPE.test(sentence)) return 'grant_type';
    const named = MISSING.exec(sentence)?.[1] ?? NAMED.exec(sentence)?.[0];
    if (named !== undefined) return named;
    const about = ABOUT.find(([pattern]) => pattern.test(sentence));
    if (about) return about[1];
  }
  if (error === 'invalid_client') return BY_AUTH_METHOD[authMethod ?? ''] ?? 'client_id';
  if (error === 'invalid_grant') return PRESENTED[String(grantType)] ?? null;
  return BY_ERROR[error] ?? null;
}
