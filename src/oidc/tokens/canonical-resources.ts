import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type Override, shape } from '../overrides/override.ts';
import type { ApiRegistry } from './apis.ts';

const PARAMS = Symbol('params');

type Context = KoaContextWithOIDC['oidc'] & { [PARAMS]?: Record<string, unknown> | undefined };

/**
 * Replaces `resource` by the registered identifier of the API if they differ only by a final slash: clients use both forms for
 * one grant.
 */
function installCanonicalResources(provider: Provider, apis: Pick<ApiRegistry, 'find'>): void {
  const canonical = (one: unknown): unknown =>
    typeof one === 'string' ? (apis.find(one)?.identifier ?? one) : one;
  Object.defineProperty(provider.OIDCContext.prototype, 'params', {
    configurable: true,
    get(this: Context) {
      return this[PARAMS];
    },
    set(this: Context, params: Record<string, unknown> | undefined) {
      const { resource } = params ?? {};
      if (params && resource !== undefined)
        params['resource'] = Array.isArray(resource)
          ? [...new Set(resource.map(canonical))]
          : canonical(resource);
      this[PARAMS] = params;
    },
  });
}

export const canonicalResources: Override<{ apis: ApiRegistry }> = {
  name: 'canonical-resources',
  why: 'the library compares resources exactly, and MCP clients write them with and without a slash at the end',
  provenFor: '9.13.x',
  upstream: null,
  check(provider) {
    shape('OIDCContext')(provider);
    // Don't replace the library's own accessors.
    if ('params' in provider.OIDCContext.prototype) throw new Error('OIDCContext.params is an accessor now');
  },
  install: (provider, { apis }) => installCanonicalResources(provider, apis),
};
