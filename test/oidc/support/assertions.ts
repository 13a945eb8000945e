import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { post, type Reply, type Tokens } from './flow.ts';
import type { Client, Provider } from './provider.ts';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** What signs assertions, and what is registered of it. */
export interface Signer {
  alg: string;
  publicKey: CryptoKey;
  privateKey: CryptoKey;
  publicJwk: JWK;
}

export async function newSigner(alg = 'ES256'): Promise<Signer> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { alg, ...pair, publicJwk: { ...(await exportJWK(pair.publicKey)), alg, kid: randomUUID() } };
}

/** Seconds since the epoch. */
export const now = (): number => Math.floor(Date.now() / 1000);

/** A service account that has no secret: its key is all that it shows. */
export async function createService(provider: Provider, metadata: object): Promise<Client> {
  const none = { response_types: [], redirect_uris: [] };
  return provider.createClient({ grant_types: [JWT_BEARER], ...none, ...metadata }, { isPublic: true });
}

/** An assertion (RFC 7523 section 3) as it should be, but for what is changed. */
export const assertionOf = (
  { url }: Pick<Provider, 'url'>,
  { id }: Client,
  { alg, privateKey, publicJwk }: Signer,
  { claims, header }: { claims?: Record<string, unknown>; header?: Record<string, unknown> } = {},
): Promise<string> => {
  const usual = { iss: id, sub: id, aud: url, jti: randomUUID(), iat: now(), exp: now() + 60 };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg, kid: publicJwk.kid ?? '', ...header })
    .sign(privateKey);
};

/** Shows an assertion to the token endpoint. */
export const redeem = (
  node: Pick<Provider, 'url'>,
  by: Client,
  assertion: string,
  parameters: Record<string, string | string[]> = {},
  headers: Record<string, string> = {},
): Promise<Reply<Tokens>> =>
  post<Tokens>(node, 'token', by, { grant_type: JWT_BEARER, assertion, ...parameters }, headers);
