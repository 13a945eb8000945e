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
      'whether authorization requests must carry a code challenge (RFC 7636). With `true` no nonce stands in for it; with `false` neither is needed, which a public client cannot have',
    default: 'PKCE for a public client; PKCE, or a nonce with `openid`, for a confidential one',
    option: {
      flags: '--require-pkce',
      help: 'take no nonce in place of PKCE: for a client that always uses it',
    },
    conflict: (value, { token_endpoint_auth_method: method }) =>
      value === false && method === 'none'
        ? 'must not be false for a public client (RFC 9700 section 2.1.1)'
        : null,
  }),
  dpop_require_nonce: flag({
    meaning:
      'whether its DPoP proofs must carry a nonce of this server (RFC 9449 section 8), as `dpop.requireNonce` demands of all',
    default: '`false`',
  }),
  first_party: flag({
    meaning: 'people are not asked for consent',
    default: '`false`',
    option: { flags: '--first-party', help: 'people are not asked for consent' },
  }),
  allowed_roles: extra(
    z.array(z.string().min(1)).min(1).max(100),
    'must be a list of names of roles, at least one',
    {
      meaning:
        'the roles of the people who may use it. With `allowed_groups` one of either is enough. Everybody else sees a page that says so, the app gets `access_denied`, and tokens are refreshed no more',
      default: 'everybody may',
      // Only operators decide whom an app is for.
      registrants: 'none',
      option: { flags: '--allow-role <role>', help: 'people with this role may use it, and nobody else' },
    },
  ),
  allowed_groups: extra(
    z.array(z.string().min(1)).min(1).max(100),
    'must be a list of names of groups, at least one',
    {
      meaning: 'the groups of the people who may use it, by their names',
      default: 'everybody may',
      registrants: 'none',
      option: { flags: '--allow-group <group>', help: 'people of this group may use it, and nobody else' },
    },
  ),
  allowed_cors_origins: extra(z.array(origin), 'must be a list of origins like https://app.example.com', {
    meaning:
      'origins that may call the token, revocation and userinfo endpoints from a browser, beside those of its redirect URIs',
    default: 'none',
    option: {
      flags: '--cors-origin <origin>',
      help: "an origin that may call from a browser, beside its redirect URIs'",
    },
  }),
  default_resource: extra(absoluteUri, 'must be an absolute URI', {
    meaning: 'the API that its tokens are for when a request names none (RFC 8707)',
    default: 'Postern itself',
    option: {
      flags: '--default-resource <uri>',
      help: 'the API that its tokens are for when it names none',
    },
  }),
  apis: extra(z.array(absoluteUri), 'must be a list of absolute URIs', {
    meaning: 'the APIs whose own client it is: it may introspect the access tokens that are for them',
    default: 'none',
    // It gives access to other accounts' data.
    registrants: 'none',
    option: {
      flags: '--api <identifier>',
      help: "it is this API's own client, and may introspect the tokens that are for it",
    },
    conflict: (_value, { token_endpoint_auth_method: method }) =>
      method === 'none' ? 'must not be of a public client, which anybody can claim to be' : null,
  }),
  // Keys stay published, and revocations are remembered, for the maximum lifetime.
  access_token_ttl: seconds(1, DAY, {
    meaning: 'seconds that its access tokens live; an API may have them shorter',
    default: '`tokens.accessToken`',
    option: { flags: '--access-token-ttl <seconds>', help: 'how long its access tokens live' },
  }),
  id_token_ttl: seconds(1, DAY, {
    meaning: 'seconds that its ID tokens live',
    default: '`tokens.idToken`',
    option: { flags: '--id-token-ttl <seconds>', help: 'how long its ID tokens live' },
  }),
  id_token_claims: oneOf(ID_TOKEN_CLAIMS, {
    meaning:
      'whether its ID tokens have the claims of the granted scopes, or with `minimal` those of `openid` alone',
    default: '`scopes`; `minimal` with a FAPI profile',
    option: {
      flags: '--id-token-claims <which>',
      help: 'whether its ID tokens have the claims of the scopes, or say only that somebody signed in',
    },
  }),
  claim_mappings: extra(claimMappings, CLAIM_MAPPINGS_FORM, {
    meaning:
      'how it gets the claims `roles`, `groups` and `permissions`: `always`, whatever the scope; `name`, what it calls the claim; `values`, what it calls single ones',
    default: 'each by the scope of its name',
    // Only operators decide what is granted without consent.
    registrants: 'none',
    option: {
      flags: '--claim <claim[=name]>',
      help: 'roles, groups or permissions in its tokens whatever the scope, called so',
    },
  }),
  rotate_refresh_tokens: flag({
    meaning: 'whether a refresh hands out a new refresh token (RFC 9700 section 4.14.2)',
    default: '`true`; `false` with a FAPI profile',
  }),
  refresh_token_ttl: seconds(1, 3650 * DAY, {
    meaning: 'seconds that an unused refresh token lives',
    default: '`refresh.idle`',
    option: { flags: '--refresh-ttl <seconds>', help: 'when an unused refresh token ends' },
  }),
  refresh_token_absolute_ttl: seconds(1, 3650 * DAY, {
    meaning:
      'seconds that refresh tokens serve after the login, however often they are used; never more than the setting',
    default: '`refresh.absolute`',
    option: {
      flags: '--refresh-absolute-ttl <seconds>',
      help: 'when refresh tokens end however often they are used',
    },
  }),
  refresh_token_grace: seconds(0, 60, {
    meaning: 'seconds in which a token just rotated gets the same successor',
    default: '`refresh.grace`',
    option: {
      flags: '--refresh-grace <seconds>',
      help: 'how long a rotated refresh token gets the same successor',
    },
  }),
  subject_source: extra(z.string().regex(/^[^\0]{1,100}$/), 'must be the name of a source of imports', {
    meaning:
      'the service whose ids its tokens have as `sub`, as `postern import --source` names it: for an app that stored them. An account that is not from there has its own id, whatever `subject_type` is',
    default: 'the account’s own id',
    // Only operators may reveal an account's earlier id.
    registrants: 'none',
    option: {
      flags: '--subject-source <source>',
      help: "the source of imports whose ids its tokens have as sub, in place of accounts' own",
    },
  }),
  agent: flag({
    meaning:
      'it is an agent, which acts for people by its own decisions: it is shown to them as one, with its last use, and what it does by token exchange beside what it was granted',
    default: '`true` for a metadata document and for what registers itself for an API with `dynamic_clients`',
    registrants: 'none',
    option: { flags: '--agent', help: 'it is an agent: shown to people as one, with its last use' },
  }),
  token_requests_per_minute: extra(z.int().min(1).max(100_000), 'must be 1 to 100000', {
    meaning:
      'requests to the token endpoint that it may make in a minute, from one address if it is public; more are refused with 429',
    default: 'no limit of its own',
    registrants: 'none',
    option: {
      flags: '--token-requests-per-minute <number>',
      help: 'how many requests it may make to the token endpoint in a minute',
    },
  }),
  token_exchange: extra(tokenExchange, TOKEN_EXCHANGE_FORM, {
    meaning:
      'what it may get by token exchange (RFC 8693): `audiences`, the APIs; `clients`, whose tokens it may hand in beside its own; `impersonation`, without saying who acts',
    default: 'nothing',
  }),
  may_act: extra(z.string().min(1), 'must be a client_id', {
    meaning: 'the client_id of the one party that may exchange its tokens (RFC 8693 section 4.4)',
    default: 'any that `token_exchange` of its own lets',
    option: { flags: '--may-act <client_id>', help: 'the one client that may exchange its tokens' },
  }),
  assertion_issuers: extra(assertionIssuers, ASSERTION_ISSUERS_FORM, {
    meaning: 'other issuers whose assertions, of one subject each, stand for this client (RFC 7523)',
    default: 'none',
  }),
  identity_assertions: extra(identityAssertions, IDENTITY_ASSERTIONS_FORM, {
    meaning:
      'to which authorization servers it may have people asserted (Identity Assertion JWT Authorization Grant): `audience`, their issuer; `client_id`, what it is called there; `resources` and `scopes` that it may ask for there; `roles` and `groups`, of which a person must have one',
    default: 'none',
    registrants: 'none',
  }),
  identity_assertion_issuers: extra(z.array(absoluteUri), 'must be a list of issuers', {
    meaning:
      'issuers of which it may show such assertions here, of those in `identityAssertions.issuers`; it needs the grant type jwt-bearer',
    default: 'none',
    registrants: 'none',
    conflict: (_value, { token_endpoint_auth_method: method }) =>
      method === 'none' ? 'must not be of a public client, which anybody can claim to be' : null,
  }),
  frontchannel_logout_uri: extra(z.string(), 'must be an absolute http(s) URI', {
    meaning: 'what the browser loads when the person signs out (OpenID Connect Front-Channel Logout 1.0)',
    default: 'none',
    registrants: 'all',
    uri: 'https',
    conflict: (value, { redirect_uris: uris }) => frontchannelUriProblem(value, uris),
  }),
  frontchannel_logout_session_required: flag({
    meaning: 'whether that address is told the issuer and the session',
    default: '`false`',
    registrants: 'all',
  }),
  api_scope: extra(z.string(), 'must be scopes, with a space between them', {
    meaning: 'the scopes of APIs in `scope`, which the library takes no others than its own in',
    default: 'none',
    internal: true,
  }),
  software_statement: extra(z.string().max(8_192), 'must be a software statement', {
    meaning:
      'what an issuer of `clientRegistration.softwareStatements` signed for it (RFC 7591 section 2.3): its claims go before what the client says itself',
    default: 'none',
    registrants: 'all',
  }),
  registration: extra(z.enum(REGISTRATIONS), `must be one of ${REGISTRATIONS.join(', ')}`, {
    meaning:
      'how it came here without an operator: `token`, `open` (RFC 7591) or `document`. It may ask for the scopes of APIs with `dynamic_clients`, and for no others of APIs than it is registered with',
    default: 'none: an operator registered it',
    registrants: 'none',
  }),
  // Last, because a profile replaces values that it does not allow.
  profile: oneOf(PROFILES, {
    meaning: 'the rules that it is held to, if the server’s are not stricter',
    default: '`profile`',
    option: { flags: '--profile <profile>', help: 'the rules that it is held to' },
  }),
};
