import type { KoaContextWithOIDC } from 'oidc-provider';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;

/**
 * Who may introspect what (RFC 7662 section 2.1): a client without credentials its own tokens, any other all of them.
 * A token whose client is gone has ended.
 */
export async function mayIntrospect(
  { oidc }: KoaContextWithOIDC,
  client: Client,
  token: { clientId?: string | undefined },
): Promise<boolean> {
  if (client.clientAuthMethod === 'none' && token.clientId !== client.clientId) return false;
  return (await oidc.provider.Client.find(token.clientId ?? '')) !== undefined;
}
