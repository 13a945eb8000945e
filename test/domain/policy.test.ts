import { describe, expect, test } from '@jest/globals';
import { createPasswordPolicy, type OwnNames } from '../../src/domain/passwords/policy.ts';
import { errorOf } from './errors.ts';

const policy = createPasswordPolicy({ minLength: 8, maxLength: 128 });
const reasonFor = async (password: string, names: OwnNames = {}) => {
  const { code, reason } = await errorOf(policy.check(password, names));
  return code === 'weak_password' ? reason : code;
};

describe('a password by the policy', () => {
  test.each([
    'correct horse battery staple',
    'securePassword123',
    'newpassword456',
    '密码是一个很长的词',
    '🐎🔋📎✅🐎🔋📎✅',
    '        x',
    'x'.repeat(127) + '🐎',
    '🐎'.repeat(128),
    'tab\there and\nthere',
  ])('may be %j', async (password) => {
    expect(await reasonFor(password)).toBe('none');
  });

  test.each([
    ['', 'too_short'],
    ['seven77', 'too_short'],
    ['🐎🔋📎✅', 'too_short'],
    // Eight code points that are four characters, and one code point that expands to eighteen.
    ['e\u0301'.repeat(4), 'too_short'],
    ['\ufdfa', 'too_short'],
    ['x'.repeat(129), 'too_long'],
    ['🐎'.repeat(129), 'too_long'],
    ['nul\0inside', 'invalid_characters'],
    ['half of a pair \ud83d', 'invalid_characters'],
    ['password123', 'common'],
    ['PassWord123', 'common'],
    ['qwertyuiop', 'common'],
    ['11111111', 'common'],
    // Full-width digits normalize to the same password.
    ['１２３４５６７８', 'common'],
  ])('may not be %j: %s', async (password, reason) => {
    expect(await reasonFor(password)).toBe(reason);
  });

  const names = {
    username: 'j.doe_1984',
    email: 'johnny@example.com',
    name: 'José García',
    familyName: null,
  };
  test.each([
    'j.doe_1984',
    'J.DOE_1984!!',
    'johnny12345',
    'xxJohnnyxx',
    'josegarcía'.normalize('NFD'),
    'garcíagarcíagarcía',
    'johnnyPassword123',
  ])('may not be based on a name of the account: %j', async (password) => {
    expect(await reasonFor(password, names)).toBe('contains_name');
  });

  test.each(['johnny likes long walks', 'example.com is fine', 'doe a deer a female deer'])(
    'may mention a name of the account: %j',
    async (password) => {
      expect(await reasonFor(password, names)).toBe('none');
    },
  );

  test('is not compared with names of one or two letters', async () => {
    expect(await reasonFor('albatross soup', { username: 'al', name: 'A L' })).toBe('none');
  });
});
