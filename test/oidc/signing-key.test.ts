import { expect, test } from '@jest/globals';
import { generateKeyPairSync, verify } from 'node:crypto';
import { CompactSign, compactVerify, exportJWK } from 'jose';
import { SigningKey } from '../../src/oidc/signing-key.ts';

const clock = { isAstray: () => Promise.resolve(false) };

async function keyOf(alg: string, { privateKey }: ReturnType<typeof generateKeyPairSync>) {
  return new SigningKey({ ...(await exportJWK(privateKey)), alg, kid: alg }, clock);
}

test('ES256 signatures are r and s of 32 bytes each, however small the numbers are', async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = await keyOf('ES256', pair);
  let short = 0;
  for (let count = 0; count < 1500; count += 1) {
    const data = Buffer.from(`message ${count}`);
    const signature = await key.sign(data);
    expect(signature).toHaveLength(64);
    if (signature[0] === 0 || signature[32] === 0) short += 1;
    expect(verify('sha256', data, { key: pair.publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  }
  // One number in 256 begins with a zero byte, which DER omits.
  expect(short).toBeGreaterThan(0);
});

test.each([
  ['RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['PS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['EdDSA', () => generateKeyPairSync('ed25519')],
] as const)('jose verifies signatures of %s', async (alg, generate) => {
  const pair = generate();
  const key = await keyOf(alg, pair);
  const example = await new CompactSign(Buffer.from('{}')).setProtectedHeader({ alg }).sign(pair.privateKey);
  const input = example.slice(0, example.lastIndexOf('.'));
  const signature = Buffer.from(await key.sign(Buffer.from(input))).toString('base64url');
  await expect(compactVerify(`${input}.${signature}`, pair.publicKey)).resolves.toMatchObject({
    protectedHeader: { alg },
  });
});
