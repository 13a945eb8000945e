import { expect, test } from '@jest/globals';
import { Secrets } from '../../src/core/secrets.ts';
import { cookieSettings } from '../../src/oidc/cookies.ts';

const { keys } = cookieSettings(
  'https://login.example',
  new Secrets('an example of a master key, long enough'),
);
const COOKIE = '__Host-postern_session=V1StGXR8_Z5jdHi6B-myT';

test('a cookie is signed like Keygrip does, so that sessions survive an upgrade', () => {
  expect(keys.sign(COOKIE)).toBe('l0hcy5MjWkmWTYhUjbXscHn7DLA');
});

test('a signature is valid for its cookie only', () => {
  const signature = keys.sign(COOKIE);
  expect([keys.verify(COOKIE, signature), keys.index(COOKIE, signature)]).toEqual([true, 0]);
  for (const forged of [
    '',
    `${signature}A`,
    signature.slice(1),
    signature.toLowerCase(),
    keys.sign('other=1'),
  ])
    expect([keys.verify(COOKIE, forged), keys.index(COOKIE, forged)]).toEqual([false, -1]);
});
