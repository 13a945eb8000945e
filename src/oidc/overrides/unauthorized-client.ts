import { errors, Provider } from 'oidc-provider';
import { type Override, shape } from './override.ts';

type Client = InstanceType<Provider['Client']>;

/** The grant of a request, by the library's name for the endpoint. */
const GRANTS: Record<string, (params: Record<string, unknown> | undefined) => unknown> = {
  token: (params) => params?.['grant_type'],
  device_authorization: () => 'urn:ietf:params:oauth:grant-type:device_code',
  backchannel_authentication: () => 'urn:openid:params:grant-type:ciba',
};

/**
 * Answers `unauthorized_client` to a client that may not use a grant (RFC 6749 section 5.2, CIBA Core section 13).
 */
function installUnauthorizedClient(provider: Provider): void {
  const { prototype } = provider.Client;
  const { grantTypeAllowed } = prototype;
  Object.assign(prototype, {
    grantTypeAllowed(this: Client, type: string) {
      const isAllowed = grantTypeAllowed.call(this, type);
      const { route = '', params } = Provider.ctx?.oidc ?? {};
      if (!isAllowed && type === GRANTS[route]?.(params))
        throw new errors.UnauthorizedClient(
          `${route === 'token' ? 'requested grant type' : type} is not allowed for this client`,
        );
      return isAllowed;
    },
  });
}

export const unauthorizedClient: Override<unknown> = {
  name: 'unauthorized-client',
  why: 'the library says invalid_request to a client that may not use a grant',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Client.prototype.grantTypeAllowed'),
  install: installUnauthorizedClient,
};
