import { z } from 'zod';
import { type Property, properties } from './property.ts';

type Described = Omit<Property, 'registrants'>;

/** A client that registers itself may set all of these, within the limits of its policy. */
const standard = <Schema extends z.ZodType>(schema: Schema, property: Described): Schema => {
  properties.add(schema, { registrants: 'all', ...property });
  return schema;
};

const text = (property: Described) => standard(z.string(), property);
const flag = (property: Described) => standard(z.boolean(), property);
const list = (property: Described) => standard(z.array(z.string()), property);

/**
 * Client metadata that the library knows and checks (RFC 7591, OpenID Connect, FAPI, CIBA, RFC 8705 and so on). The schemas only
 * describe the values; they check nothing.
 */
export const standardMetadata = {
  redirect_uris: list({
    meaning: 'where people are sent back to',
    default: 'none',
    uri: 'redirect',
    option: { flags: '--redirect-uri <uri>', help: 'where people are sent back to' },
  }),
  post_logout_redirect_uris: list({
    meaning: 'where people may be sent after signing out (OpenID Connect RP-Initiated Logout 1.0)',
    default: 'none',
    uri: 'redirect',
    option: { flags: '--post-logout-redirect-uri <uri>', help: 'where people may be sent after signing out' },
  }),
  application_type: standard(z.enum(['web', 'native']), {
    meaning:
      '`native` for an app on the user’s own device (RFC 8252); given by the redirect URIs where nothing is said',
    default: '`web`',
    option: { flags: '--application-type <type>', help: 'OpenID Connect application_type' },
  }),
  grant_types: list({
    meaning: 'how it gets tokens',
    default: '`authorization_code`',
    option: {
      flags: '--grant <type>',
      help: 'authorization_code, refresh_token, client_credentials, device-code, ciba, token-exchange, jwt-bearer',
    },
  }),
  response_types: list({ meaning: 'what an authorization request may ask for', default: '`code`' }),
  response_modes: list({
    meaning: 'how the reply to an authorization request may come',
    default: 'every mode',
  }),
  scope: text({
    meaning: 'the scopes that it may ask for and be granted, separated by spaces',
    default: 'every scope',
    option: { flags: '--scope <scope>', help: 'a scope that it may ask for; without any, all' },
  }),
  token_endpoint_auth_method: text({
    meaning: 'how it authenticates; `none` is a public client',
    default: '`client_secret_basic`',
    option: {
      flags: '--auth-method <method>',
      help: 'how it authenticates',
      choices: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'attest_jwt_client_auth'],
    },
  }),
  token_endpoint_auth_signing_alg: text({
    meaning: 'what its client assertions must be signed with',
    default: 'any that the server takes',
  }),
  jwks: standard(z.looseObject({}), {
    meaning: 'its public keys (RFC 7517)',
    default: 'none',
    option: { flags: '--jwks <file>', help: 'its public keys: a file with a JSON Web Key Set' },
  }),
  jwks_uri: text({ meaning: 'where its public keys are', default: 'none', uri: 'https' }),
  client_uri: text({ meaning: 'its home page', default: 'none', uri: 'https' }),
  logo_uri: text({ meaning: 'its logo, for the page of consent', default: 'none', uri: 'https' }),
  policy_uri: text({ meaning: 'its privacy policy', default: 'none', uri: 'https' }),
  tos_uri: text({ meaning: 'its terms of service', default: 'none', uri: 'https' }),
  contacts: list({ meaning: 'email addresses of the people behind it', default: 'none' }),
  initiate_login_uri: text({
    meaning: 'where a login can be started at it (OpenID Connect Core section 4)',
    default: 'none',
    uri: 'https',
  }),
  subject_type: standard(z.enum(['public']), {
    meaning: 'whether `sub` is the same for every client',
    default: '`public`',
  }),
  sector_identifier_uri: text({
    meaning: 'a list of the redirect URIs of several clients (OpenID Connect Core section 8.1)',
    default: 'none',
    uri: 'https',
  }),
  default_max_age: standard(z.int(), {
    meaning: 'seconds after which people sign in again',
    default: 'none',
  }),
  default_acr_values: list({
    meaning: 'how strong a login must be, if a request does not say',
    default: 'none',
  }),
  require_auth_time: flag({
    meaning: '`auth_time` in every ID token, which has it anyway',
    default: '`false`',
  }),
  require_pushed_authorization_requests: flag({
    meaning: 'authorization requests must be pushed (RFC 9126)',
    default: '`false`; `true` with a FAPI profile',
  }),
  require_signed_request_object: flag({
    meaning: 'authorization requests must be signed (RFC 9101)',
    default: '`false`; `true` with `fapi2-message-signing`',
  }),
  request_object_signing_alg: text({
    meaning: 'what they must be signed with',
    default: 'any that the server takes',
  }),
  request_object_encryption_alg: text({
    meaning: 'how their key is encrypted',
    default: 'any that the server takes',
  }),
  request_object_encryption_enc: text({
    meaning: 'how they are encrypted',
    default: 'any that the server takes',
  }),
  authorization_details_types: list({
    meaning: 'the types that `authorization_details` may have (RFC 9396)',
    default: 'none',
  }),
  id_token_signed_response_alg: text({
    meaning: 'what its ID tokens are signed with',
    default: '`RS256`; `ES256` with a FAPI profile',
  }),
  id_token_encrypted_response_alg: text({
    meaning: 'how the key of its ID tokens is encrypted',
    default: 'not encrypted',
  }),
  id_token_encrypted_response_enc: text({
    meaning: 'how its ID tokens are encrypted',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  userinfo_signed_response_alg: text({ meaning: 'what userinfo is signed with', default: 'plain JSON' }),
  userinfo_encrypted_response_alg: text({
    meaning: 'how the key of userinfo is encrypted',
    default: 'not encrypted',
  }),
  userinfo_encrypted_response_enc: text({
    meaning: 'how userinfo is encrypted',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  introspection_signed_response_alg: text({
    meaning: 'what introspection as a JWT is signed with (RFC 9701)',
    default: '`RS256`; `ES256` with a FAPI profile',
  }),
  introspection_encrypted_response_alg: text({
    meaning: 'how its key is encrypted',
    default: 'not encrypted',
  }),
  introspection_encrypted_response_enc: text({
    meaning: 'how it is encrypted',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  authorization_signed_response_alg: text({
    meaning: 'what authorization replies as a JWT are signed with (JARM)',
    default: '`RS256`; `ES256` with a FAPI profile',
  }),
  authorization_encrypted_response_alg: text({
    meaning: 'how their key is encrypted',
    default: 'not encrypted',
  }),
  authorization_encrypted_response_enc: text({
    meaning: 'how they are encrypted',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  dpop_bound_access_tokens: flag({
    meaning: 'its access tokens must be bound to a key by DPoP (RFC 9449)',
    default: '`false`; `true` with a FAPI profile, if no certificate binds them',
  }),
  backchannel_logout_uri: text({
    meaning: 'where it is told that somebody signed out (OpenID Connect Back-Channel Logout 1.0)',
    default: 'none',
    uri: 'https',
  }),
  backchannel_logout_session_required: flag({
    meaning: 'whether it is told which session',
    default: '`false`',
  }),
  backchannel_token_delivery_mode: standard(z.enum(['poll', 'ping']), {
    meaning: 'how it hears that a person has answered (CIBA Core section 4)',
    default: 'none; `client create` says `poll`, or `ping` with an endpoint',
  }),
  backchannel_client_notification_endpoint: text({
    meaning: 'where it is told',
    default: 'none',
    uri: 'https',
    option: {
      flags: '--notification-endpoint <uri>',
      help: 'where it is told that a person has answered (CIBA ping)',
    },
  }),
  backchannel_authentication_request_signing_alg: text({
    meaning: 'what its CIBA requests must be signed with',
    default: 'not signed',
  }),
  backchannel_user_code_parameter: flag({
    meaning: 'whether its CIBA requests may have a `user_code`',
    default: '`false`',
  }),
  tls_client_auth_subject_dn: text({
    meaning: 'the subject of its certificate (RFC 8705 section 2.1.2), as one of these five',
    default: 'none',
  }),
  tls_client_auth_san_dns: text({ meaning: 'a DNS name that its certificate is for', default: 'none' }),
  tls_client_auth_san_uri: text({ meaning: 'a URI that its certificate is for', default: 'none' }),
  tls_client_auth_san_ip: text({ meaning: 'an IP address that its certificate is for', default: 'none' }),
  tls_client_auth_san_email: text({
    meaning: 'an email address that its certificate is for',
    default: 'none',
  }),
  tls_client_certificate_bound_access_tokens: flag({
    meaning: 'its access tokens are bound to its certificate (RFC 8705 section 3)',
    default: '`false`',
  }),
  use_mtls_endpoint_aliases: flag({
    meaning: 'it uses the endpoints at `mtls.origin` (RFC 8705 section 5)',
    default: '`false`',
  }),
};
