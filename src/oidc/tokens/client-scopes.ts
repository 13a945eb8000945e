import { Provider } from 'oidc-provider';
import { type Override, shape } from '../overrides/override.ts';

type Grant = InstanceType<Provider['Grant']>;

/**
 * Narrows what a grant gives of the provider's scopes to those that the client may ask for now: an operator may have taken
 * some off it since the person allowed them. Scopes of APIs are narrowed with their API.
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
  why: 'the library checks the scopes of a client at the authorization endpoint alone',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Grant.prototype.getOIDCScopeFiltered'),
  install: installClientScopes,
};
