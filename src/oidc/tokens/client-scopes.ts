import { Provider } from 'oidc-provider';
import { type Override, shape } from '../overrides/override.ts';

type Grant = InstanceType<Provider['Grant']>;

/**
 * Limits a grant's scopes of the provider to those that the client may request now: an operator may have removed some since the
 * person allowed them. Scopes of APIs are limited with their API.
 */
function installClientScopes({ Grant }: Provider): void {
  const { getOIDCScopeFiltered } = Grant.prototype;
  Object.assign(Grant.prototype, {
    getOIDCScopeFiltered(this: Grant, filter: Set<string>) {
      const scopes = getOIDCScopeFiltered.call(this, filter);
      const allowed = Provider.ctx?.oidc.client?.scope?.split(' ');
      if (!allowed) return scopes;
      return scopes
        .split(' ')
        .filter((scope) => allowed.includes(scope))
        .join(' ');
    },
  });
}

export const clientScopes: Override<unknown> = {
  name: 'client-scopes',
  why: 'the library checks the scopes of a client only at the authorization endpoint',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Grant.prototype.getOIDCScopeFiltered'),
  install: installClientScopes,
};
