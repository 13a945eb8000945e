import { exportJWK, generateKeyPair, type JWK } from 'jose';

export type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/**
 * Keys of a client: one for signing (ES256), one for decryption (RSA-OAEP-256), and both as it publishes
 * them.
 */
export interface ClientKeys {
  signing: KeyPair;
  encryption: KeyPair;
  jwks: { keys: JWK[] };
}

export async function clientKeys(): Promise<ClientKeys> {
  const signing = await generateKeyPair('ES256', { extractable: true });
  const encryption = await generateKeyPair('RSA-OAEP-256', { extractable: true });
  const jwks = {
    keys: [
      { ...(await exportJWK(signing.publicKey)), use: 'sig', alg: 'ES256', kid: 'signs' },
      { ...(await exportJWK(encryption.publicKey)), use: 'enc', alg: 'RSA-OAEP-256', kid: 'opens' },
    ],
  };
  return { signing, encryption, jwks };
}
