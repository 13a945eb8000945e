import type { AdapterFactory, ClientMetadata, Configuration, JWKS, KoaContextWithOIDC } from 'oidc-provider';
import type { Secrets } from '../core/secrets.ts';
import { createAppAccess } from './clients/app-access.ts';
import { EXTRA_METADATA, type ExtraClientProperties } from './clients/names.ts';
import type { Config } from '../config/index.ts';
import type { BackchannelRequests } from '../domain/backchannel-requests.ts';
import type { SharedClock } from '../core/clock.ts';
import type { Audit } from '../storage/audit.ts';
import type { Consents } from '../storage/consents.ts';
import type { UserRecord } from '../storage/users.ts';
import { ACR_VALUES, createInteractionPolicy, hintedAccount } from './interactions/policy.ts';
import { createFindAccount, scopeClaims } from './account.ts';
import type { Attributes } from '../domain/attributes/index.ts';
import type { Rights } from '../domain/operators/rights.ts';
import type { Authorization } from './tokens/authorization-claims.ts';
import type { AccessTokenVerifier } from './tokens/access-token-verifier.ts';
import type { ApiRegistry } from './tokens/apis.ts';
import { cookieSettings } from './cookies.ts';
import { attestation, ATTESTATION_METHODS } from './clients/attestation.ts';
import { createAssertionCheck } from './clients/assertions.ts';
import { mutualTls, mutualTlsAliases } from './clients/certificates.ts';
import { validateExtraMetadata } from './clients/metadata-checks.ts';
import { applyProfile, fapiProfile, requirePkce } from './clients/security-profiles.ts';
import { richAuthorizationRequests } from './authorization-details.ts';
import { registrationFeatures } from './clients/registration/index.ts';
import { createStatementReader } from './clients/registration/statements.ts';
import { ciba } from './ciba.ts';
import { deviceFlow, type DevicePages } from './device/feature.ts';
import { ENDPOINTS } from './endpoints.ts';
import { ID_JAG } from './tokens/identity-assertions/issuing.ts';
import { createExtraTokenClaims } from './tokens/extra-claims.ts';
import { createLoadExistingGrant } from './interactions/grants.ts';
import { createIntrospectionPolicy } from './tokens/introspection-policy.ts';
import { viewOf } from './sessions/viewing.ts';
import type { OutboundFetch } from './outbound/fetch.ts';
import { type DeveloperHelp, developerHelp } from './refusals/describe.ts';
import { checkRequestSize } from './request-size.ts';
import { assertRequestObject } from './request-objects.ts';
import { ENABLED_JWA, outlivesSession, tokenLifetimes } from './tokens/lifetimes.ts';
import { createSubjects, type SubjectDependencies } from './tokens/subjects.ts';
import { resourceIndicators } from './tokens/resource-indicators.ts';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']> & ExtraClientProperties;

/** Whether scripts at `origin` may call endpoints for `client`: origins of its redirect URIs, or those it lists. */
export function clientBasedCORS(_ctx: KoaContextWithOIDC, origin: string, client: Client): boolean {
  const origins = client.allowed_cors_origins ?? [];
  return (
    origins.includes(origin) ||
    (client.redirectUris ?? []).some((uri) => uri.startsWith('http') && URL.parse(uri)?.origin === origin)
  );
}

/** A form that is posted to `action` without input; a name may occur more than once. */
interface PostedForm {
  action: string;
  fields: readonly (readonly [name: string, value: string])[];
}

/** Pages that the provider shows; the transport renders them. */
export interface ProviderPages {
  /**
   * `error` is the OAuth error code, `description` its sentence.
   * @param help for the app's developer, where the app sent something wrong.
   */
  error(
    ctx: KoaContextWithOIDC,
    error: { error: string; error_description?: string | undefined },
    help?: DeveloperHelp,
  ): Promise<void>;
  /** Asks whether to sign out: `fields` are to be posted to `action`, with `logout=yes` to do it. */
  logout(ctx: KoaContextWithOIDC, form: { action: string; fields: Record<string, string> }): Promise<void>;
  device: DevicePages;
  /** Posts `fields` to `action`, at the client (OAuth 2.0 Form Post Response Mode). */
  formPost(ctx: KoaContextWithOIDC, form: PostedForm): Promise<void>;
  /** The same for a cross-site POST, before the request is parsed. */
  repost(ctx: KoaContextWithOIDC, form: PostedForm): Promise<void>;
  /**
   * Confirms the sign-out.
   * @param logout the logout pages of clients that the browser loads first, where it goes next, and whether the person is still
   *   signed in.
   */
  loggedOut(
    ctx: KoaContextWithOIDC,
    logout?: { stayed: boolean; frames: string[]; continueUrl: string | undefined },
  ): Promise<void>;
}

export interface ConfigurationDependencies {
  config: Config;
  clock: SharedClock;
  secrets: Secrets;
  apis: ApiRegistry;
  rights: Rights;
  authorization: Authorization;
  /** The accounts' custom attributes. */
  attributes: Pick<Attributes, 'claims' | 'claimsByScope' | 'scopes'>;
  consents: Consents;
  adapter: AdapterFactory;
  /** The account of a subject, or null. */
  findUser(id: string): Promise<UserRecord | null>;
  sourceIds: SubjectDependencies['sourceIds'];
  /** Whether an account must have a second factor and has none. */
  lacksFactor(user: UserRecord): Promise<boolean>;
  /** First-party clients that are part of the service. */
  staticClients: ClientMetadata[];
  pages: ProviderPages;
  /** Guarded fetch for client-supplied URLs. */
  fetch: OutboundFetch;
  audit: Audit;
  verifier: AccessTokenVerifier;
  backchannelRequests: BackchannelRequests;
}

/** The library passes its form as HTML; these are the values in it. */
function logoutForm({ oidc }: KoaContextWithOIDC): { action: string; fields: Record<string, string> } {
  const { secret } = (oidc.session?.state ?? {}) as { secret: string };
  return { action: oidc.urlFor('end_session_confirm'), fields: { xsrf: secret } };
}

/** The whole configuration of oidc-provider. */
export function createConfiguration(deps: ConfigurationDependencies, jwks: JWKS): Configuration {
  const { config, clock, secrets, apis, pages } = deps;
  const { tokens, refresh } = config;
  const findAccount = createFindAccount(
    deps.findUser,
    deps.lacksFactor,
    deps.authorization.claimsOf,
    deps.attributes,
  );
  const access = createAppAccess({ findUser: deps.findUser, claimsOf: deps.authorization.claimsOf });
  return {
    jwks,
    adapter: deps.adapter,
    fetch: deps.fetch,
    clients: deps.staticClients,
    // Only in CIBA does the library look up an account by a hint's subject.
    findAccount: async (ctx, id, token) => {
      const isHinted = ctx.oidc.route === 'backchannel_authentication' && ctx.oidc.entities.IdTokenHint;
      const accountId = isHinted ? await hintedAccount(ctx.oidc, deps) : id;
      const account = accountId === undefined ? undefined : await findAccount(ctx, accountId, token);
      if (account) await access.check(ctx, account.accountId);
      return account;
    },
    loadExistingGrant: createLoadExistingGrant({
      apis,
      authorization: deps.authorization,
      findUser: deps.findUser,
      attributes: deps.attributes,
      consents: deps.consents,
      clock,
      lifetime: refresh.absolute,
    }),
    renderError: (ctx, out, error) => pages.error(ctx, out, developerHelp(ctx, error)),
    ttl: tokenLifetimes(config, clock),
    cookies: cookieSettings(config.publicUrl, secrets),
    interactions: {
      policy: createInteractionPolicy(access),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    routes: ENDPOINTS,
    features: {
      devInteractions: { enabled: false },
      dPoP: {
        enabled: true,
        nonceSecret: secrets.key('dpop-nonce'),
        requireNonce: ({ oidc }) =>
          config.dpop.requireNonce ||
          (oidc.client as ExtraClientProperties | undefined)?.dpop_require_nonce === true,
      },
      mTLS: mutualTls(config),
      // The keys in `jwks` sign by themselves.
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      ...registrationFeatures(
        config.clientRegistration,
        { apis, attributes: deps.attributes },
        createStatementReader(config.clientRegistration, deps),
      ),
      attestClientAuth: attestation(config.clientAttestation, deps),
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: createIntrospectionPolicy(deps) },
      jwtIntrospection: { enabled: true },
      jwtResponseModes: { enabled: true },
      jwtUserinfo: { enabled: true },
      encryption: { enabled: true },
      fapi: { enabled: true, profile: fapiProfile },
      requestObjects: { enabled: true, assertJwtClaimsAndHeader: assertRequestObject },
      revocation: { enabled: true },
      ciba: ciba({ requests: deps.backchannelRequests, clock }),
      richAuthorizationRequests: richAuthorizationRequests(config.authorizationDetails),
      deviceFlow: deviceFlow({ pages: pages.device, audit: deps.audit }),
      resourceIndicators: resourceIndicators({
        apis,
        rights: deps.rights,
        authorization: deps.authorization,
        findUser: deps.findUser,
        accessTokenTtl: tokens.accessToken,
        clientCredentialsTtl: tokens.clientCredentials,
      }) as NonNullable<Configuration['features']>['resourceIndicators'],
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx) => pages.logout(ctx, logoutForm(ctx)),
        postLogoutSuccessSource: (ctx) => pages.loggedOut(ctx),
      },
      backchannelLogout: { enabled: true },
    },
    discovery: {
      frontchannel_logout_supported: true,
      frontchannel_logout_session_supported: true,
      prompt_values_supported: ['none', 'login', 'consent', 'create', 'select_account'],
      ui_locales_supported: config.languages,
      service_documentation: `${config.publicUrl}/`,
      // draft-ietf-oauth-identity-assertion-authz-grant: as the issuing and as the receiving server.
      identity_chaining_requested_token_types_supported: [ID_JAG],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
      ...mutualTlsAliases(config),
    },
    acrValues: [...ACR_VALUES],
    claims: scopeClaims(deps.attributes),
    // By client: tokens/id-token-claims.ts.
    conformIdTokenClaims: false,
    scopes: [...deps.attributes.scopes()],
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: createSubjects({ secrets, sourceIds: deps.sourceIds }),
    responseTypes: ['code'],
    allowOmittingSingleRegisteredRedirectUri: false,
    // The library calls this for every authorization request, with or without the parameter.
    extraParams: { nonce: checkRequestSize },
    // Clock skew of clients that FAPI 2.0 Security Profile section 5.3.2.1 asks servers to allow.
    clockTolerance: 10,
    pkce: { required: requirePkce },
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
      ...(config.mtls.certificateHeader === null
        ? []
        : (['tls_client_auth', 'self_signed_tls_client_auth'] as const)),
      ...(config.clientAttestation.attesters.length === 0
        ? []
        : (ATTESTATION_METHODS as unknown as ['attest_jwt_client_auth'])),
    ],
    assertJwtClientAuthClaimsAndHeader: createAssertionCheck(config.publicUrl, clock),
    clientDefaults: {
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'RS256',
    },
    enabledJWA: ENABLED_JWA,
    extraClientMetadata: {
      properties: [...EXTRA_METADATA],
      validator(_ctx, key, value, metadata) {
        validateExtraMetadata(key, value, metadata);
        if (key === 'profile') applyProfile(metadata, config.profile);
      },
    },
    formats: {
      customizers: {
        jwt(_ctx, token, jwt) {
          const { aud } = token;
          if (apis.hasPlainType(aud)) jwt.header = { ...jwt.header, typ: 'JWT' };
          // The library names the token's client, even when the token acts for another one.
          const { subject } = token as { subject?: string };
          if (subject !== undefined) jwt.payload = { ...jwt.payload, sub: subject };
        },
      },
    },
    extraTokenClaims: createExtraTokenClaims(deps.findUser, deps.authorization.claimsOf),
    clientBasedCORS,
    // A refresh token without offline_access lives as long as its login (OpenID Connect Core section 11). A device with
    // offline_access has its own grant (`device/sign-in.ts`), and the session's grant still ends with the session.
    expiresWithSession: (ctx, source) =>
      source.kind === 'DeviceCode' ||
      !outlivesSession(ctx.oidc.client as ExtraClientProperties, source.scopes),
    // A view ends after its quarter of an hour.
    issueRefreshToken: (ctx, client) =>
      client.grantTypeAllowed('refresh_token') && viewOf(ctx.oidc.entities.Grant) === undefined,
    rotateRefreshToken: (ctx) =>
      (ctx.oidc.client as ExtraClientProperties | undefined)?.rotate_refresh_tokens !== false,
  };
}
