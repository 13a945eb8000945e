import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Provider } from './provider.ts';

/** A key that proofs of possession are signed with (RFC 9449). */
export interface ProofKey {
  privateKey: CryptoKey;
  jwk: JWK;
  /** As `cnf.jkt` has it. */
  thumbprint: string;
}

export async function newProofKey(): Promise<ProofKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  return { privateKey, jwk, thumbprint: await calculateJwkThumbprint(jwk) };
}

/** A proof for one request to the token endpoint. */
export const createProof = ({ url }: Pick<Provider, 'url'>, { privateKey, jwk }: ProofKey): Promise<string> =>
  new SignJWT({ htm: 'POST', htu: `${url}/oauth2/token`, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(privateKey);
