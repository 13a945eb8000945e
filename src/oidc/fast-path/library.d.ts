declare module 'oidc-provider/lib/actions/grants/client_credentials.js' {
  import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

  /** The library's own grant handler: sets `ctx.body`, or throws the refusal. */
  export function handler(
    provider: Provider,
    helpers: Record<string, (...args: never[]) => unknown>,
    ctx: KoaContextWithOIDC,
  ): Promise<void>;
}
