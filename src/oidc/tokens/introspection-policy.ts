import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ExtraClientProperties } from '../clients/metadata.ts';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;

interface Token {
  clientId?: string | undefined;
  aud?: unknown;
}

/**
 * Whether a client may learn of an access token (RFC 7662 section 2.1): its own, and as an API's own client (`apis`) those
 * for that API.
 */
export function mayLearnOf(client: Client, { clientId, aud }: Token): boolean {
  if (clientId === client.clientId) return true;
  const { apis = [] } = client as ExtraClientProperties;
  return [aud].flat().some((audience) => apis.some((api) => api === audience));
}

/**
 * Who may introspect what of the library's tokens: refresh tokens are for their client's eyes alone. A token whose client is
 * gone has ended.
 */
export async function mayIntrospect(
  { oidc }: KoaContextWithOIDC,
  client: Client,
  token: Token & { kind?: string },
): Promise<boolean> {
  const isVisible =
    token.kind === 'RefreshToken' ? token.clientId === client.clientId : mayLearnOf(client, token);
  return isVisible && (await oidc.provider.Client.find(token.clientId ?? '')) !== undefined;
}
