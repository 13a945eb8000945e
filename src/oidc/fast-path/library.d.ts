/* Internals of the library that the fast path calls and its main module does not export. */

declare module 'oidc-provider/lib/actions/*.js' {
  import type { KoaContextWithOIDC } from 'oidc-provider';

  const steps: ((ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void>)[];
  export default steps;
}

declare module 'oidc-provider/lib/helpers/als.js' {
  import type { AsyncLocalStorage } from 'node:async_hooks';
  import type { KoaContextWithOIDC } from 'oidc-provider';

  /** Where `Provider.ctx` comes from. */
  const requests: AsyncLocalStorage<KoaContextWithOIDC>;
  export default requests;
}

declare module 'oidc-provider/lib/helpers/weak_cache.js' {
  import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

  /** The insides of a provider. */
  export default function instance(provider: Provider): {
    grantTypeHandlers: Map<string, (ctx: KoaContextWithOIDC) => Promise<void>>;
  };
}
