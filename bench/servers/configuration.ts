import { createPublicKey } from 'node:crypto';
import type { Configuration } from 'oidc-provider';
import { readSettings } from '../../src/config/settings.ts';
import { SCOPE_CLAIMS } from '../../src/oidc/account.ts';
import { DEVICE_CODE, endpoints } from '../scenarios/scenario.ts';
import type { ServerSettings } from './settings.ts';

/** Postern's settings for the library, where they change its behaviour; the rest are its defaults. */
export function bareConfiguration({ services, web, asserting, device, apis }: ServerSettings): Configuration {
  const { settings, problems } = readSettings('production', undefined);
  if (!settings) throw new Error(problems.join('\n'));
  const { tokens, refresh, session } = settings;
  return {
    clients: [
      {
        client_id: services.ids[0]!,
        client_secret: services.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: web.id,
        client_secret: web.secret,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [web.redirectUri],
        response_types: ['code'],
      },
      {
        client_id: asserting.id,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [createPublicKey(asserting.key).export({ format: 'jwk' })] },
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: device.id,
        token_endpoint_auth_method: 'none',
        grant_types: [DEVICE_CODE],
        redirect_uris: [],
        response_types: [],
      },
    ],
    routes: {
      authorization: endpoints.authorization,
      token: endpoints.token,
      introspection: endpoints.introspection,
      userinfo: endpoints.userinfo,
      jwks: endpoints.jwks,
      revocation: '/oauth2/revoke',
      end_session: '/oauth2/logout',
      pushed_authorization_request: endpoints.pushed,
      device_authorization: endpoints.device,
    },
    cookies: { keys: ['signs cookies as Postern does'] },
    claims: SCOPE_CLAIMS,
    scopes: [...Object.keys(SCOPE_CLAIMS), 'offline_access'],
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => false,
        getResourceServerInfo: (_ctx, resource) => ({
          audience: resource,
          scope: '',
          accessTokenTTL: tokens.accessToken,
          accessTokenFormat: resource === apis.jwt ? 'jwt' : 'opaque',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    clockTolerance: 5,
    pkce: { required: () => true },
    expiresWithSession: (_ctx, source) => !source.scopes.has('offline_access'),
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc;
      const known = session!.grantIdFor(client!.clientId);
      if (known) return provider.Grant.find(known);
      const grant = new provider.Grant({ accountId: session!.accountId!, clientId: client!.clientId });
      grant.addOIDCScope('openid profile email offline_access');
      await grant.save();
      return grant;
    },
    ttl: {
      AccessToken: tokens.accessToken,
      AuthorizationCode: tokens.authorizationCode,
      ClientCredentials: tokens.clientCredentials,
      Grant: refresh.absolute,
      IdToken: tokens.idToken,
      Interaction: tokens.interaction,
      RefreshToken: refresh.idle,
      Session: session.ttl,
    },
  };
}
