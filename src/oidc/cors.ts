import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ExtraClientProperties } from './clients/metadata.ts';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']> & ExtraClientProperties;

/** Whether a browser at `origin` may call for `client`: from where its redirect URIs lead, or where it says. */
export function clientBasedCORS(_ctx: KoaContextWithOIDC, origin: string, client: Client): boolean {
  const origins = client.allowed_cors_origins ?? [];
  return (
    origins.includes(origin) ||
    (client.redirectUris ?? []).some((uri) => uri.startsWith('http') && URL.parse(uri)?.origin === origin)
  );
}
