import { createCipheriv } from 'node:crypto';
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Secrets } from '../../core/secrets.ts';

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;

/**
 * Pairwise subject identifiers (OpenID Connect Core section 8.1): the account's UUID, which is one block of AES, encrypted
 * under a key for each sector. Nobody else can tell two sectors' identifiers to be one person, no two people ever share
 * one, and it is the same as long as SECRETS_KEY is.
 */
export function createPairwiseIdentifier(secrets: Secrets): NonNullable<Configuration['pairwiseIdentifier']> {
  return (_ctx: KoaContextWithOIDC, accountId: string, client: Client) => {
    const key = secrets.key(`pairwise:${String(client['sectorIdentifier'])}`);
    const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
    const block = cipher.update(Buffer.from(accountId.replaceAll('-', ''), 'hex'));
    return block.toString('base64url');
  };
}
