import { beforeAll, expect, test } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { AccessTokenVerifier } from '../../src/oidc/tokens/access-token-verifier.ts';

const ISSUER = 'https://id.example.test';
const API = 'https://api.example.test';
const PLAIN_API = 'https://plain.example.test';

let now = Date.now();
let privateKey: CryptoKey;
let publicJwk: JWK;
let verifier: AccessTokenVerifier;
beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  privateKey = pair.privateKey;
  publicJwk = { ...(await exportJWK(pair.publicKey)), alg: 'ES256', kid: 'ours' };
  verifier = new AccessTokenVerifier({
    issuer: ISSUER,
    clock: { now: () => now },
    hasPlainType: (audience) => audience === PLAIN_API,
    isRevoked: async () => false,
  });
  verifier.useKeys([publicJwk]);
});

const seconds = () => Math.floor(now / 1000);

/** A JWT signed by our key with all claims of an access token. */
function sign(typ: string | undefined, claims: object = {}, key = privateKey): Promise<string> {
  const all = {
    iss: ISSUER,
    sub: 'a-person',
    client_id: 'a-client',
    jti: crypto.randomUUID(),
    iat: seconds(),
    exp: seconds() + 60,
    aud: API,
    ...claims,
  };
  return new SignJWT(all)
    .setProtectedHeader({ alg: 'ES256', kid: 'ours', ...(typ === undefined ? {} : { typ }) })
    .sign(key);
}

test('a JWT of the type at+jwt is an access token', async () => {
  expect(await verifier.verify(await sign('at+jwt'))).toMatchObject({ sub: 'a-person', aud: API });
});

test.each([undefined, 'JWT', 'logout+jwt', 'token-introspection+jwt', 'secevent+jwt', 'at+jwt '])(
  'our own JWT of the type %j is not an access token, whatever its claims (RFC 8725 section 3.11)',
  async (typ) => {
    const token = await sign(typ);
    expect(await verifier.verify(token)).toBeNull();
    expect(await verifier.verifyBearer(token)).toBeNull();
    expect(await verifier.hasExpired(await sign(typ, { exp: seconds() - 1 }))).toBe(false);
  },
);

test('a plain JWT is an access token only for the API that is configured for it', async () => {
  expect(await verifier.verify(await sign('JWT', { aud: PLAIN_API }))).toMatchObject({ aud: PLAIN_API });
  expect(await verifier.verify(await sign('JWT', { aud: [PLAIN_API, API] }))).toBeNull();
  expect(await verifier.verify(await sign(undefined, { aud: PLAIN_API }))).toBeNull();
  expect(await verifier.verify(await sign('logout+jwt', { aud: PLAIN_API }))).toBeNull();
});

test('an access token is refused once it has expired or its key is gone', async () => {
  const token = await sign('at+jwt');
  expect(await verifier.verify(token)).not.toBeNull();
  now += 60_000;
  expect(await verifier.verify(token)).toBeNull();
  expect(await verifier.hasExpired(token)).toBe(true);
  const lasting = await sign('at+jwt');
  expect(await verifier.verify(lasting)).not.toBeNull();
  verifier.useKeys([]);
  expect(await verifier.verify(lasting)).toBeNull();
  verifier.useKeys([publicJwk]);
  expect(await verifier.verify(lasting)).not.toBeNull();
});

test('a JWT from another issuer, by another key or without a required claim is refused', async () => {
  expect(await verifier.verify(await sign('at+jwt', { iss: 'https://other.example.test' }))).toBeNull();
  const { privateKey: foreign } = await generateKeyPair('ES256');
  expect(await verifier.verify(await sign('at+jwt', {}, foreign))).toBeNull();
  for (const claim of ['sub', 'client_id', 'jti', 'iat', 'exp', 'aud'])
    expect(await verifier.verify(await sign('at+jwt', { [claim]: undefined }))).toBeNull();
});

test('a token bound to a key is refused as a Bearer token', async () => {
  const token = await sign('at+jwt', { cnf: { jkt: 'a-thumbprint' } });
  expect(await verifier.verify(token)).not.toBeNull();
  expect(await verifier.verifyBearer(token)).toBeNull();
});
