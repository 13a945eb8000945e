import type { EventEmitter } from 'node:events';
import { type errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { isConnectionError } from '../core/network.ts';
import type { Refused } from './refusals/install.ts';
import type { TokenExchange } from './tokens/exchange/grant.ts';
import type { ExtraClientProperties } from './clients/names.ts';
import { viewOf } from './sessions/viewing.ts';
import { JWT_BEARER, TOKEN_EXCHANGE } from './tokens/grant-types.ts';
import type { Extension } from './overrides/override.ts';

/** Events of the provider for other parts of Postern. Handlers must not throw: the library calls them in mid-request. */
export interface ProviderEvents {
  /** A request to the token endpoint ended, for an account if it has one; `outcome` is `success` or the OAuth error code. */
  grant(
    grantType: string,
    outcome: string,
    client?: ExtraClientProperties & { clientId: string },
    accountId?: string,
  ): void;
  /** An authorization request ended; `outcome` as above. */
  authorization(outcome: string, clientId?: string): void;
  /** A refresh token was reused after its grace: somebody has a copy. Its family has been ended. */
  refreshTokenReused(event: {
    ctx: KoaContextWithOIDC;
    accountId: string | undefined;
    clientId: string | undefined;
    grantId: string | undefined;
  }): void;
  /** A request named scopes that it cannot have, among others: it gets only the others. */
  scopesIgnored(event: { ctx: KoaContextWithOIDC; clientId: string | undefined; scopes: string }): void;
  loggedOut(event: {
    ctx: KoaContextWithOIDC;
    accountId: string | undefined;
    clientId: string | undefined;
  }): void;
  /** Called and awaited before a token is exchanged. Throwing refuses the request. */
  tokenExchanged(exchange: TokenExchange): Promise<void>;
  /** A request of a client was refused. */
  refused(refused: Refused): void;
  failed(ctx: KoaContextWithOIDC, error: Error): void;
}

function installEvents(provider: Provider, events: ProviderEvents): void {
  const emitter: EventEmitter = provider;
  const grantType = (ctx: KoaContextWithOIDC) => {
    const value = ctx.oidc.params?.['grant_type'];
    // Each label value creates a time series, so use only known ones.
    return typeof value === 'string' && KNOWN_GRANTS.has(value) ? value : 'other';
  };
  // The library destroys a refresh token at the token endpoint only when it is reused.
  const reused = new WeakSet<object>();
  emitter.on('refresh_token.destroyed', () => {
    const { ctx } = Provider;
    if (ctx?.oidc.route === 'token') reused.add(ctx.req);
  });
  provider.on('grant.success', (ctx) => {
    const { client, entities } = ctx.oidc;
    events.grant(grantType(ctx), 'success', client, entities.Account?.accountId);
  });
  provider.on('grant.error', (ctx, error: errors.OIDCProviderError) => {
    events.grant(grantType(ctx), error.error);
    if (!reused.has(ctx.req)) return;
    const token = ctx.oidc.entities.RefreshToken;
    events.refreshTokenReused({
      ctx,
      accountId: token?.accountId,
      clientId: token?.clientId,
      grantId: token?.grantId,
    });
  });
  provider.on('authorization.success', (ctx) => events.authorization('success', ctx.oidc.client?.clientId));
  provider.on('authorization.error', (_ctx, error: errors.OIDCProviderError) =>
    events.authorization(error.error),
  );
  provider.on('end_session.success', (ctx) => {
    // The person has not signed out: the end of a view has its own event.
    if (viewOf(ctx.oidc.session)) return;
    events.loggedOut({ ctx, accountId: ctx.oidc.session?.accountId, clientId: ctx.oidc.client?.clientId });
  });
  provider.on('server_error', (ctx, error) => events.failed(ctx, error));
  emitter.on('scope.ignored', (ctx: KoaContextWithOIDC, scopes: string) =>
    events.scopesIgnored({ ctx, clientId: ctx.oidc.client?.clientId, scopes }),
  );
  // Errors of our own middleware around the library, which Koa would print. `expose`: the request's fault, reported to it.
  emitter.on('error', (error: Error & { expose?: boolean }, ctx: KoaContextWithOIDC) => {
    if (error.expose !== true && !isConnectionError(error, ctx.req)) events.failed(ctx, error);
  });
}

const KNOWN_GRANTS = new Set([
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:openid:params:grant-type:ciba',
  TOKEN_EXCHANGE,
  JWT_BEARER,
]);

export const events: Extension<{ events: ProviderEvents }> = {
  name: 'events',
  why: 'metrics, audit and log are fed by events of the library',
  install: (provider, { events }) => installEvents(provider, events),
};
