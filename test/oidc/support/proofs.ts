import { createHash, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose';
import { startPostern } from '../../support/postern.ts';
import type { Provider } from './provider.ts';

export interface Keys {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
  publicJwk: JWK;
}

type CryptoKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

export async function newKeys(alg = 'ES256'): Promise<Keys> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { ...pair, publicJwk: { ...(await exportJWK(pair.publicKey)), alg, kid: randomUUID() } };
}

export const epoch = (): number => Math.floor(Date.now() / 1000);

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

interface Changes {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
}

/** A valid client assertion (RFC 7523) with changes. */
export async function assertion(
  provider: Pick<Provider, 'url'>,
  clientId: string,
  { privateKey, publicJwk }: Keys,
  { claims, header }: Changes = {},
): Promise<string> {
  const usual = { iss: clientId, sub: clientId, aud: provider.url, jti: randomUUID(), iat: epoch() };
  return new SignJWT({ ...usual, exp: epoch() + 60, ...claims })
    .setProtectedHeader({ alg: publicJwk.alg ?? '', kid: publicJwk.kid ?? '', ...header })
    .sign(privateKey);
}

/**
 * A valid DPoP proof (RFC 9449) for a POST to the token endpoint, with changes. `token` is the one it
 * belongs to.
 */
export async function proof(
  provider: Pick<Provider, 'url'>,
  { privateKey, publicJwk }: Keys,
  { claims, header, token }: Changes & { token?: string } = {},
): Promise<string> {
  const { kid: _kid, alg, ...jwk } = publicJwk;
  const usual = { htm: 'POST', htu: `${provider.url}/oauth2/token`, jti: randomUUID(), iat: epoch() };
  const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') };
  return new SignJWT({ ...usual, ...ath, ...claims })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: alg ?? '', jwk, ...header })
    .sign(privateKey);
}

/** Starts another node of the same provider. @returns its URL. */
export async function secondNode(
  provider: Provider,
  settings: object = {},
): Promise<{ url: string; output(): string }> {
  const { DATABASE_URL: databaseUrl = '', REDIS_URL: redisUrl } = provider.postern.env;
  const node = await startPostern({
    settings,
    databaseUrl,
    ...(redisUrl === undefined ? {} : { redisUrl }),
    env: { PUBLIC_URL: provider.url },
  });
  return { url: `http://localhost:${node.port}`, output: node.output };
}
