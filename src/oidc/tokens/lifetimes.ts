import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Config } from '../../config/index.ts';
import { epochSeconds, type Clock } from '../../kernel/clock.ts';
import type { ExtraClientProperties } from '../clients/metadata.ts';

type Ttl = NonNullable<Configuration['ttl']>;

/** How long everything lives, in seconds. A login under refresh tokens has an absolute end besides the sliding one. */
export function tokenLifetimes({ tokens, refresh, session }: Config, clock: Clock): Ttl {
  return {
    AccessToken: (_ctx: KoaContextWithOIDC, token) =>
      token.resourceServer?.accessTokenTTL ?? tokens.accessToken,
    ClientCredentials: (_ctx: KoaContextWithOIDC, token) =>
      token.resourceServer?.accessTokenTTL ?? tokens.clientCredentials,
    AuthorizationCode: tokens.authorizationCode,
    PushedAuthorizationRequest: tokens.pushedAuthorizationRequest,
    DeviceCode: tokens.deviceCode,
    IdToken: tokens.idToken,
    Interaction: tokens.interaction,
    Grant: refresh.absolute,
    Session: (_ctx: KoaContextWithOIDC, { transient }: { transient?: boolean }) =>
      transient ? session.ttl : session.remembered,
    RefreshToken: (_ctx: KoaContextWithOIDC, token, client) => {
      const startedAt = token.iiat ?? epochSeconds(clock);
      const idle = (client as ExtraClientProperties).refresh_token_ttl ?? refresh.idle;
      return Math.max(1, Math.min(idle, startedAt + refresh.absolute - epochSeconds(clock)));
    },
  } as Ttl;
}
