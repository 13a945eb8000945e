import { z } from 'zod';
import { ID_TOKEN_CLAIMS } from '../../core/tokens.ts';
import { PROFILES } from '../../core/security-profiles.ts';
import { frontchannelUriProblem } from '../logout/front-channel-uri.ts';
import { CLAIM_MAPPINGS_FORM, claimMappings } from './claim-mappings.ts';
import { ASSERTION_ISSUERS_FORM, assertionIssuers } from './assertion-issuers.ts';
import { IDENTITY_ASSERTIONS_FORM, identityAssertions } from './identity-assertions.ts';
import { type ExtraProperty, properties } from './property.ts';
import { TOKEN_EXCHANGE_FORM, tokenExchange } from './token-exchange.ts';

const DAY = 86_400;

/** How a client can register without an operator: by an initial access token, by itself, by a metadata document. */
const REGISTRATIONS = ['token', 'open', 'document'] as const;

type Described = Omit<ExtraProperty, 'must' | 'registrants'> & Partial<Pick<ExtraProperty, 'registrants'>>;

const extra = <Schema extends z.ZodType>(schema: Schema, must: string, property: Described): Schema => {
  properties.add(schema, { registrants: 'policy', ...property, must });
  return schema;
};

const flag = (property: Described) => extra(z.boolean(), 'must be true or false', property);

const seconds = (min: number, max: number, property: Described) =>
  extra(z.int().min(min).max(max), `must be seconds, ${min} to ${max}`, property);

const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values, property: Described) =>
  extra(z.enum(values), `must be one of ${values.join(', ')}`, property);

const absoluteUri = z.string().refine((value) => URL.canParse(value));
const origin = z.string().refine((value) => URL.parse(value)?.origin === value);

/**
 * Client metadata that the library does not know: Postern's own, and that of specifications which the library does not
 * implement.
 */
export const extraMetadata = {
  require_pkce: flag({
    meaning:
      'whether authorization requests must have a code challenge (RFC 7636). With `true`, a nonce does not replace it. With `false`, neither is required; a public client cannot have this',
    default: 'PKCE for a public client; PKCE, or a nonce with `openid`, for a confidential one',
    option: {
      flags: '--require-pkce',
      help: 'require PKCE; a nonce does not replace it',
    },
    conflict: (value, { token_endpoint_auth_method: method }) =>
      value === false && method === 'none'
        ? 'must not be false for a public client (RFC 9700 section 2.1.1)'
        : null,
  }),
  dpop_require_nonce: flag({
    meaning:
      'whether its DPoP proofs must have a nonce of this server (RFC 9449 section 8); `dpop.requireNonce` requires it of all clients',
    default: '`false`',
  }),
  first_party: flag({
    meaning: 'people are not asked for consent',
    default: '`false`',
    option: { flags: '--first-party', help: 'do not ask people for consent' },
  }),
  allowed_roles: extra(
    z.array(z.string().min(1)).min(1).max(100),
    'must be a list of at least one role name',
    {
      meaning:
        'the roles of the people who may use it. With `allowed_groups`, one of either is enough. Everybody else sees a page that says so, the app gets `access_denied`, and tokens are no longer refreshed',
      default: 'everybody may use it',
      // Only operators decide whom an app is for.
      registrants: 'none',
      option: { flags: '--allow-role <role>', help: 'only people with this role may use it' },
    },
  ),
  allowed_groups: extra(
    z.array(z.string().min(1)).min(1).max(100),
    'must be a list of at least one group name',
    {
      meaning: 'the names of the groups whose members may use it',
      default: 'everybody may use it',
      registrants: 'none',
      option: { flags: '--allow-group <group>', help: 'only members of this group may use it' },
    },
  ),
  allowed_cors_origins: extra(z.array(origin), 'must be a list of origins like https://app.example.com', {
    meaning:
      'origins that may call the token, revocation and userinfo endpoints from a browser, in addition to those of its redirect URIs',
    default: 'none',
    option: {
      flags: '--cors-origin <origin>',
      help: 'origin that may call from a browser, in addition to those of its redirect URIs',
    },
  }),
  default_resource: extra(absoluteUri, 'must be an absolute URI', {
    meaning: 'the API that its tokens are for if a request names none (RFC 8707)',
    default: 'Postern itself',
    option: {
      flags: '--default-resource <uri>',
      help: 'API that its tokens are for if a request names none',
    },
  }),
  apis: extra(z.array(absoluteUri), 'must be a list of absolute URIs', {
    meaning: 'the APIs that it serves as the resource server: it may introspect their access tokens',
    default: 'none',
    // It gives access to other accounts' data.
    registrants: 'none',
    option: {
      flags: '--api <identifier>',
      help: 'this client is the resource server of the API, and may introspect its tokens',
    },
    conflict: (_value, { token_endpoint_auth_method: method }) =>
      method === 'none' ? 'cannot be set for a public client, which anybody can claim to be' : null,
  }),
  // Keys stay published, and revocations are remembered, for the maximum lifetime.
  access_token_ttl: seconds(1, DAY, {
    meaning: 'lifetime of its access tokens in seconds; an API may shorten it',
    default: '`tokens.accessToken`',
    option: { flags: '--access-token-ttl <seconds>', help: 'lifetime of its access tokens' },
  }),
  id_token_ttl: seconds(1, DAY, {
    meaning: 'lifetime of its ID tokens in seconds',
    default: '`tokens.idToken`',
    option: { flags: '--id-token-ttl <seconds>', help: 'lifetime of its ID tokens' },
  }),
  id_token_claims: oneOf(ID_TOKEN_CLAIMS, {
    meaning:
      'whether its ID tokens have the claims of the granted scopes or, with `minimal`, only those of `openid`',
    default: '`scopes`; `minimal` with a FAPI profile',
    option: {
      flags: '--id-token-claims <which>',
      help: 'whether its ID tokens have the claims of the granted scopes, or only those of openid',
    },
  }),
  claim_mappings: extra(claimMappings, CLAIM_MAPPINGS_FORM, {
    meaning:
      'how it gets the claims `roles`, `groups` and `permissions`: `always`, whatever the scope; `name`, its name for the claim; `values`, its names for single values',
    default: 'each with the scope of the same name',
    // Only operators decide what is granted without consent.
    registrants: 'none',
    option: {
      flags: '--claim <claim[=name]>',
      help: 'put roles, groups or permissions into its tokens whatever the scope, under this name',
    },
  }),
  rotate_refresh_tokens: flag({
    meaning: 'whether a refresh issues a new refresh token (RFC 9700 section 4.14.2)',
    default: '`true`; `false` with a FAPI profile',
  }),
  refresh_token_ttl: seconds(1, 3650 * DAY, {
    meaning: 'seconds after which an unused refresh token expires',
    default: '`refresh.idle`',
    option: { flags: '--refresh-ttl <seconds>', help: 'lifetime of an unused refresh token' },
  }),
  refresh_token_absolute_ttl: seconds(1, 3650 * DAY, {
    meaning:
      'seconds after the login when refresh tokens expire, however often they are used; never more than the setting',
    default: '`refresh.absolute`',
    option: {
      flags: '--refresh-absolute-ttl <seconds>',
      help: 'lifetime of refresh tokens after the login, however often they are used',
    },
  }),
  refresh_token_grace: seconds(0, 60, {
    meaning: 'seconds in which a rotated token gets the same successor again',
    default: '`refresh.grace`',
    option: {
      flags: '--refresh-grace <seconds>',
      help: 'how long a rotated refresh token gets the same successor again',
    },
  }),
  subject_source: extra(z.string().regex(/^[^\0]{1,100}$/), 'must be the name of an import source', {
    meaning:
      'the import source whose ids its tokens have as `sub` (`postern import --source`), for an app that stored them. An account that is not from there has its own id, whatever `subject_type` is',
    default: 'the account’s own id',
    // Only operators may reveal an account's earlier id.
    registrants: 'none',
    option: {
      flags: '--subject-source <source>',
      help: "import source whose ids its tokens have as sub, instead of the accounts' own",
    },
  }),
  agent: flag({
    meaning:
      'it is an agent, which acts for people by its own decisions. It is shown to them as one, with its last use and with what it does by token exchange',
    default:
      '`true` for a metadata document, and for a client that registers itself for an API with `dynamic_clients`',
    registrants: 'none',
    option: { flags: '--agent', help: 'the client is an agent: shown to people as one, with its last use' },
  }),
  token_requests_per_minute: extra(z.int().min(1).max(100_000), 'must be 1 to 100000', {
    meaning: 'maximum requests to the token endpoint in a minute, by address if it is public; more get 429',
    default: 'no limit of its own',
    registrants: 'none',
    option: {
      flags: '--token-requests-per-minute <number>',
      help: 'maximum requests to the token endpoint in a minute',
    },
  }),
  token_exchange: extra(tokenExchange, TOKEN_EXCHANGE_FORM, {
    meaning:
      'what it may get by token exchange (RFC 8693): `audiences`, for which APIs; `clients`, whose tokens it may present in addition to its own; `impersonation`, whether without an actor token',
    default: 'nothing',
  }),
  may_act: extra(z.string().min(1), 'must be a client_id', {
    meaning: 'the client_id of the only party that may exchange its tokens (RFC 8693 section 4.4)',
    default: 'any whose `token_exchange` allows it',
    option: { flags: '--may-act <client_id>', help: 'the only client that may exchange its tokens' },
  }),
  assertion_issuers: extra(assertionIssuers, ASSERTION_ISSUERS_FORM, {
    meaning: 'other issuers whose assertions about one subject each are accepted for this client (RFC 7523)',
    default: 'none',
  }),
  identity_assertions: extra(identityAssertions, IDENTITY_ASSERTIONS_FORM, {
    meaning:
      'the authorization servers that it may get identity assertions for (Identity Assertion JWT Authorization Grant): `audience`, their issuer; `client_id`, its id there; `resources` and `scopes` that it may request there; `roles` and `groups`, of which a person must have one',
    default: 'none',
    registrants: 'none',
  }),
  identity_assertion_issuers: extra(z.array(absoluteUri), 'must be a list of issuers', {
    meaning:
      'issuers whose identity assertions it may present here, among those in `identityAssertions.issuers`; it needs the grant type jwt-bearer',
    default: 'none',
    registrants: 'none',
    conflict: (_value, { token_endpoint_auth_method: method }) =>
      method === 'none' ? 'cannot be set for a public client, which anybody can claim to be' : null,
  }),
  frontchannel_logout_uri: extra(z.string(), 'must be an absolute http(s) URI', {
    meaning:
      'the URI that the browser loads when the person signs out (OpenID Connect Front-Channel Logout 1.0)',
    default: 'none',
    registrants: 'all',
    uri: 'https',
    conflict: (value, { redirect_uris: uris }) => frontchannelUriProblem(value, uris),
  }),
  frontchannel_logout_session_required: flag({
    meaning: 'whether that URI gets the issuer and the session',
    default: '`false`',
    registrants: 'all',
  }),
  api_scope: extra(z.string(), 'must be scopes separated by spaces', {
    meaning: 'the scopes of APIs in `scope`, where the library accepts only its own',
    default: 'none',
    internal: true,
  }),
  software_statement: extra(z.string().max(8_192), 'must be a software statement', {
    meaning:
      'a statement signed by an issuer in `clientRegistration.softwareStatements` (RFC 7591 section 2.3); its claims override what the client says itself',
    default: 'none',
    registrants: 'all',
  }),
  registration: extra(z.enum(REGISTRATIONS), `must be one of ${REGISTRATIONS.join(', ')}`, {
    meaning:
      'how it was registered without an operator: `token`, `open` (RFC 7591) or `document`. It may request the scopes of APIs with `dynamic_clients`, and of other APIs only those that it is registered with',
    default: 'none: an operator registered it',
    registrants: 'none',
  }),
  // Last, because a profile replaces values that it does not allow.
  profile: oneOf(PROFILES, {
    meaning: 'the security profile that it must follow, if the server’s is not stricter',
    default: '`profile`',
    option: { flags: '--profile <profile>', help: 'security profile that it must follow' },
  }),
};
