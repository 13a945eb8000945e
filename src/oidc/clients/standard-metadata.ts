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
      '`native` for an app on the user’s own device (RFC 8252); derived from the redirect URIs if not set',
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
  response_types: list({ meaning: 'the response types that it may request', default: '`code`' }),
  response_modes: list({
    meaning: 'how it may receive authorization responses',
    default: 'every mode',
  }),
  scope: text({
    meaning: 'the scopes that it may request and be granted, separated by spaces',
    default: 'every scope',
    option: { flags: '--scope <scope>', help: 'scope that it may request; default: all' },
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
    meaning: 'signing algorithm of its client assertions',
    default: 'any that the server supports',
  }),
  jwks: standard(z.looseObject({}), {
    meaning: 'its public keys (RFC 7517)',
    default: 'none',
    option: { flags: '--jwks <file>', help: 'file with its public keys, a JSON Web Key Set' },
  }),
  jwks_uri: text({ meaning: 'where its public keys are', default: 'none', uri: 'https' }),
  client_uri: text({ meaning: 'its home page', default: 'none', uri: 'https' }),
  logo_uri: text({ meaning: 'its logo, for the consent page', default: 'none', uri: 'https' }),
  policy_uri: text({ meaning: 'its privacy policy', default: 'none', uri: 'https' }),
  tos_uri: text({ meaning: 'its terms of service', default: 'none', uri: 'https' }),
  contacts: list({ meaning: 'email addresses of the people behind it', default: 'none' }),
  initiate_login_uri: text({
    meaning: 'where a login at the client can be started (OpenID Connect Core section 4)',
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
    meaning: 'seconds after which people must sign in again',
    default: 'none',
  }),
  default_acr_values: list({
    meaning: 'how strong a login must be, if a request does not say',
    default: 'none',
  }),
  require_auth_time: flag({
    meaning: 'whether ID tokens must have `auth_time`; they always do',
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
    meaning: 'signing algorithm of its request objects',
    default: 'any that the server supports',
  }),
  request_object_encryption_alg: text({
    meaning: 'key encryption algorithm of its request objects',
    default: 'any that the server supports',
  }),
  request_object_encryption_enc: text({
    meaning: 'content encryption algorithm of its request objects',
    default: 'any that the server supports',
  }),
  authorization_details_types: list({
    meaning: 'the types that it may request in `authorization_details` (RFC 9396)',
    default: 'none',
  }),
  id_token_signed_response_alg: text({
    meaning: 'signing algorithm of its ID tokens',
    default: '`RS256`; `ES256` with a FAPI profile',
  }),
  id_token_encrypted_response_alg: text({
    meaning: 'key encryption algorithm of its ID tokens',
    default: 'not encrypted',
  }),
  id_token_encrypted_response_enc: text({
    meaning: 'content encryption algorithm of its ID tokens',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  userinfo_signed_response_alg: text({
    meaning: 'signing algorithm of userinfo responses',
    default: 'plain JSON',
  }),
  userinfo_encrypted_response_alg: text({
    meaning: 'key encryption algorithm of userinfo responses',
    default: 'not encrypted',
  }),
  userinfo_encrypted_response_enc: text({
    meaning: 'content encryption algorithm of userinfo responses',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  introspection_signed_response_alg: text({
    meaning: 'signing algorithm of introspection responses as JWTs (RFC 9701)',
    default: '`RS256`; `ES256` with a FAPI profile',
  }),
  introspection_encrypted_response_alg: text({
    meaning: 'key encryption algorithm of introspection responses',
    default: 'not encrypted',
  }),
  introspection_encrypted_response_enc: text({
    meaning: 'content encryption algorithm of introspection responses',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  authorization_signed_response_alg: text({
    meaning: 'signing algorithm of authorization responses as JWTs (JARM)',
    default: '`RS256`; `ES256` with a FAPI profile',
  }),
  authorization_encrypted_response_alg: text({
    meaning: 'key encryption algorithm of authorization responses',
    default: 'not encrypted',
  }),
  authorization_encrypted_response_enc: text({
    meaning: 'content encryption algorithm of authorization responses',
    default: '`A128CBC-HS256`, if encrypted',
  }),
  dpop_bound_access_tokens: flag({
    meaning: 'its access tokens must be bound to a key by DPoP (RFC 9449)',
    default: '`false`; `true` with a FAPI profile, if no certificate binds them',
  }),
  backchannel_logout_uri: text({
    meaning: 'where it is notified that a person signed out (OpenID Connect Back-Channel Logout 1.0)',
    default: 'none',
    uri: 'https',
  }),
  backchannel_logout_session_required: flag({
    meaning: 'whether logout tokens must name the session',
    default: '`false`',
  }),
  backchannel_token_delivery_mode: standard(z.enum(['poll', 'ping']), {
    meaning: 'how it learns that a person has answered (CIBA Core section 4)',
    default: 'none; `client create` sets `poll`, or `ping` with an endpoint',
  }),
  backchannel_client_notification_endpoint: text({
    meaning: 'where it is notified (CIBA ping)',
    default: 'none',
    uri: 'https',
    option: {
      flags: '--notification-endpoint <uri>',
      help: 'where it is notified that a person has answered (CIBA ping)',
    },
  }),
  backchannel_authentication_request_signing_alg: text({
    meaning: 'signing algorithm of its CIBA requests',
    default: 'not signed',
  }),
  backchannel_user_code_parameter: flag({
    meaning: 'whether its CIBA requests may have a `user_code`',
    default: '`false`',
  }),
  tls_client_auth_subject_dn: text({
    meaning: 'the subject of its certificate (RFC 8705 section 2.1.2); one of these five is set',
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
