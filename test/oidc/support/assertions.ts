import { post, type Reply, type Tokens } from './flow.ts';
import type { Client, Provider } from './provider.ts';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** A service account without a secret, which has only its key. */
export async function createService(provider: Provider, metadata: object): Promise<Client> {
  const none = { response_types: [], redirect_uris: [] };
  return provider.createClient({ grant_types: [JWT_BEARER], ...none, ...metadata }, { isPublic: true });
}

/** Sends an assertion to the token endpoint. */
export const redeem = (
  node: Pick<Provider, 'url'>,
  by: Client,
  assertion: string,
  parameters: Record<string, string | string[]> = {},
  headers: Record<string, string> = {},
): Promise<Reply<Tokens>> =>
  post<Tokens>(node, 'token', by, { grant_type: JWT_BEARER, assertion, ...parameters }, headers);
