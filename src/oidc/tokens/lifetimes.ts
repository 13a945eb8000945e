import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Config } from '../../config/index.ts';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import { ACCEPTED_ALGS, SIGNING_ALGS } from '../../core/tokens.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { codeLifetime } from '../clients/security-profiles.ts';
import { withinView } from '../sessions/viewing.ts';

/** Ten years. */
const REGISTRATION = 315_360_000;

type Ttl = NonNullable<Configuration['ttl']>;

/**
 * Whether access continues after the session in which it was granted: the client requested `offline_access` (OpenID Connect Core
 * section 11), or it is an agent, which requests no login and learned of refresh tokens from the metadata.
 */
export const outlivesSession = (
  { registration }: Pick<ExtraClientProperties, 'registration'>,
  scopes: ReadonlySet<string>,
): boolean => scopes.has('offline_access') || (registration !== undefined && !scopes.has('openid'));

/** How long the session of a browser lives, in seconds. */
export const sessionLifetime = (
  { ttl, remembered }: Config['session'],
  { transient = false }: { transient?: boolean },
): number => (transient ? ttl : remembered);

/**
 * All lifetimes, in seconds. A login with refresh tokens has an absolute end besides the sliding one. A client's own settings
 * take precedence over the server's; of an access token for an API, the shorter of the client's and the API's lifetime counts.
 * No login outlives the server's `refresh.absolute`.
 */
export function tokenLifetimes({ tokens, refresh, session }: Config, clock: Clock): Ttl {
  return {
    // A contract's token has no request to the provider behind it.
    AccessToken: (ctx: KoaContextWithOIDC | undefined, token, client: ExtraClientProperties) =>
      withinView(
        ctx?.oidc.entities.Grant,
        token.resourceServer?.accessTokenTTL ?? client.access_token_ttl ?? tokens.accessToken,
        clock,
      ),
    ClientCredentials: (_ctx: KoaContextWithOIDC, token, client: ExtraClientProperties) =>
      token.resourceServer?.accessTokenTTL ?? client.access_token_ttl ?? tokens.clientCredentials,
    AuthorizationCode: (_ctx: KoaContextWithOIDC, _code, client: ExtraClientProperties) =>
      codeLifetime(tokens.authorizationCode, client),
    PushedAuthorizationRequest: tokens.pushedAuthorizationRequest,
    DeviceCode: tokens.deviceCode,
    BackchannelAuthenticationRequest: (ctx: KoaContextWithOIDC | undefined) => {
      const wanted = Number(
        ctx?.oidc.params?.['requested_expiry'] ?? tokens.backchannelAuthenticationRequest,
      );
      return Math.min(wanted, tokens.backchannelAuthenticationRequest);
    },
    IdToken: (ctx: KoaContextWithOIDC, _token, client: ExtraClientProperties) =>
      withinView(ctx.oidc.entities.Grant, client.id_token_ttl ?? tokens.idToken, clock),
    Interaction: tokens.interaction,
    Grant: (_ctx: KoaContextWithOIDC, grant: object) => withinView(grant, refresh.absolute, clock),
    // As long as its client, or until the client's next update replaces it.
    RegistrationAccessToken: REGISTRATION,
    Session: (_ctx: KoaContextWithOIDC, one: { transient?: boolean }) =>
      withinView(one, sessionLifetime(session, one), clock),
    RefreshToken: (_ctx: KoaContextWithOIDC, token, client: ExtraClientProperties) => {
      const startedAt = token.iiat ?? epochSeconds(clock);
      const idle = client.refresh_token_ttl ?? refresh.idle;
      const absolute = Math.min(client.refresh_token_absolute_ttl ?? refresh.absolute, refresh.absolute);
      return Math.max(1, Math.min(idle, startedAt + absolute - epochSeconds(clock)));
    },
  } as Ttl;
}

/** Key management algorithms for encrypted replies. No RSA1_5 (RFC 8725 section 3.2), no shared secrets. */
const WRAP = ['ECDH-ES', 'ECDH-ES+A256KW', 'RSA-OAEP-256'] as const;

const CONTENT = ['A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512'] as const;

/** The offered algorithms of RFC 7518, by use: those that RFC 8725 and FAPI 2.0 still recommend, and RS256. */
export const ENABLED_JWA = {
  clientAuthSigningAlgValues: [...ACCEPTED_ALGS],
  attestSigningAlgValues: [...ACCEPTED_ALGS],
  requestObjectSigningAlgValues: [...ACCEPTED_ALGS],
  // The key of a proof is generated for it, so no existing key requires RS256.
  dPoPSigningAlgValues: ['ES256', 'EdDSA', 'PS256'],
  idTokenSigningAlgValues: [...SIGNING_ALGS],
  userinfoSigningAlgValues: [...SIGNING_ALGS],
  introspectionSigningAlgValues: [...SIGNING_ALGS],
  authorizationSigningAlgValues: [...SIGNING_ALGS],
  idTokenEncryptionAlgValues: [...WRAP],
  idTokenEncryptionEncValues: [...CONTENT],
  userinfoEncryptionAlgValues: [...WRAP],
  userinfoEncryptionEncValues: [...CONTENT],
  introspectionEncryptionAlgValues: [...WRAP],
  introspectionEncryptionEncValues: [...CONTENT],
  authorizationEncryptionAlgValues: [...WRAP],
  authorizationEncryptionEncValues: [...CONTENT],
  // We publish no encryption key for requests: PAR keeps them confidential.
  requestObjectEncryptionAlgValues: [],
  requestObjectEncryptionEncValues: [],
} satisfies Configuration['enabledJWA'];
