import { expect, test } from '@jest/globals';
import { type Method, strengthOf } from '../../../src/domain/mfa/requirement.ts';

test.each<[Method[], string[], string]>([
  [['password'], ['pwd'], '1fa'],
  [['password', 'otp'], ['pwd', 'otp', 'mfa'], '2fa'],
  [['password', 'recovery'], ['pwd', 'mfa'], '2fa'],
  [['password', 'security_key'], ['pwd', 'pop', 'user', 'mfa'], '2fa'],
  [['password', 'passkey'], ['pwd', 'pop', 'user', 'mfa'], 'phr'],
  [['passkey'], ['pop', 'user', 'mfa'], 'phr'],
])('a login by %p has amr %p and acr %s', (methods, amr, level) => {
  expect(strengthOf(methods)).toEqual({ amr, acr: `urn:postern:acr:${level}` });
});
