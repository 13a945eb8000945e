import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Config } from '../../config/index.ts';
import { epochSeconds, type Clock } from '../../core/clock.ts';
import { codeLifetime } from '../clients/profiles.ts';
import type { ExtraClientProperties } from '../clients/metadata.ts';

/** Ten years. */
const REGISTRATION = 315_360_000;

type Ttl = NonNullable<Configuration['ttl']>;

/** How long the session of a browser lives, in seconds. */
export const sessionLifetime = (
  { ttl, remembered }: Config['session'],
  { transient = false }: { transient?: boolean },
): number => (transient ? ttl : remembered);

/**
 * How long everything lives, in seconds. A login under refresh tokens has an absolute end besides the sliding one. What a
 * client says of its own tokens goes before the server's setting; of access tokens for an API, the shorter of its and the
 * API's counts, and no login outlives the server's `refresh.absolute`.
 */
export function tokenLifetimes({ tokens, refresh, session }: Config, clock: Clock): Ttl {
  return {
    AccessToken: (_ctx: KoaContextWithOIDC, token, client: ExtraClientProperties) =>
      token.resourceServer?.accessTokenTTL ?? client.access_token_ttl ?? tokens.accessToken,
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
    IdToken: (_ctx: KoaContextWithOIDC, _token, client: ExtraClientProperties) =>
      client.id_token_ttl ?? tokens.idToken,
    Interaction: tokens.interaction,
    Grant: refresh.absolute,
    // As long as its client, or until that changes something and gets another.
    RegistrationAccessToken: REGISTRATION,
    Session: (_ctx: KoaContextWithOIDC, one: { transient?: boolean }) => sessionLifetime(session, one),
    RefreshToken: (_ctx: KoaContextWithOIDC, token, client: ExtraClientProperties) => {
      const startedAt = token.iiat ?? epochSeconds(clock);
      const idle = client.refresh_token_ttl ?? refresh.idle;
      const absolute = Math.min(client.refresh_token_absolute_ttl ?? refresh.absolute, refresh.absolute);
      return Math.max(1, Math.min(idle, startedAt + absolute - epochSeconds(clock)));
    },
  } as Ttl;
}
