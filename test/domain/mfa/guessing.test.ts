import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../../src/core/ids.ts';
import { at, errorOf, openDatabase, openDomain, openStores } from '../harness.ts';
import { codeOf, enrolTotp, NOW, PASSWORD, person, wrongCode } from './people.ts';

/** The key of the wait for `ip` on the account's factors. Deleting it ends the wait. */
const waitKey = (id: string, ip: string) => `lockout:wait:${sha256(`factor:${id}\n${ip}`)}`;

const database = openDatabase();

describe.each(['postgres', 'redis'] as const)('guessing codes, counted in %s,', (kind) => {
  const domain = openDomain({ now: NOW }, openStores(kind, database));

  const somebody = async () => {
    const { id, email } = await person(await domain);
    const { secret, recoveryCodes } = await enrolTotp(await domain, id);
    return { id, email, secret, recoveryCodes };
  };
  const guess = async (id: string, ip: string, code: unknown) =>
    errorOf((await domain).mfa.verify(id, { code }, at(ip)));

  test('is slowed down, twice as long each time, for right and wrong codes', async () => {
    const { counters } = await domain;
    const { id, secret, recoveryCodes } = await somebody();
    const ip = '198.51.100.1';
    for (let index = 0; index < 5; index += 1) {
      const code = index % 2 === 0 ? wrongCode(secret) : 'AAAA-BBBB-CCCC';
      expect(await guess(id, ip, code)).toMatchObject({ code: 'invalid_credentials' });
    }
    for (const wait of [30, 60, 120]) {
      const refused = await Promise.all(
        [wrongCode(secret), codeOf(secret), recoveryCodes[0]].map((code) => guess(id, ip, code)),
      );
      for (const { code, retryAfter } of refused) {
        expect(code).toBe('account_locked');
        expect(retryAfter).toBeGreaterThan(wait - 10);
        expect(retryAfter).toBeLessThanOrEqual(wait);
      }
      await counters.delete(waitKey(id, ip));
      expect(await guess(id, ip, wrongCode(secret))).toMatchObject({ code: 'invalid_credentials' });
    }
    await counters.delete(waitKey(id, ip));
    // A code that was refused without being checked is not used up.
    expect(await guess(id, ip, codeOf(secret))).toEqual({ code: 'none' });
  });

  test('in parallel gets no more answers than one by one', async () => {
    const { id, secret } = await somebody();
    const wrong = wrongCode(secret);
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => guess(id, '198.51.100.2', wrong)));
    expect(outcomes.filter(({ code }) => code === 'invalid_credentials')).toHaveLength(5);
    expect(outcomes.filter(({ code }) => code === 'account_locked')).toHaveLength(45);
    // It does not lock out other sources either.
    expect(await guess(id, '198.51.100.3', codeOf(secret))).toEqual({ code: 'none' });
  });

  test('from many sources is blocked for the window, except for the source of a recent login', async () => {
    const { login } = await domain;
    const { id, email, secret, recoveryCodes } = await somebody();
    await login({ email, password: PASSWORD, otp: recoveryCodes[0], actor: at('192.0.2.1') });
    for (let place = 0; place < 10; place += 1) {
      for (let index = 0; index < 5; index += 1) {
        const { code } = await guess(id, `198.51.100.${100 + place}`, wrongCode(secret));
        expect(code).toBe('invalid_credentials');
      }
    }
    expect(await guess(id, '198.51.100.200', codeOf(secret))).toMatchObject({ code: 'account_locked' });
    expect(await guess(id, '192.0.2.1', codeOf(secret))).toEqual({ code: 'none' });
  });

  test('does not count against the password, and a right password does not forgive it', async () => {
    const { login } = await domain;
    const { id, email, secret } = await somebody();
    const actor = at('198.51.100.4');
    for (let index = 0; index < 5; index += 1) {
      expect(
        await errorOf(login({ email, password: PASSWORD, otp: wrongCode(secret), actor })),
      ).toMatchObject({ code: 'invalid_credentials' });
    }
    expect(await errorOf(login({ email, password: PASSWORD, actor }))).toEqual({ code: 'mfa_required' });
    expect(await errorOf(login({ email, password: PASSWORD, otp: codeOf(secret), actor }))).toMatchObject({
      code: 'account_locked',
    });
    expect(await guess(id, '198.51.100.4', codeOf(secret))).toMatchObject({ code: 'account_locked' });
  });

  test('is not forgiven by a code that was used before', async () => {
    const { id, secret } = await somebody();
    const ip = '198.51.100.5';
    const seen = codeOf(secret);
    expect(await guess(id, '198.51.100.6', seen)).toEqual({ code: 'none' });
    // Repeating a used code forgives nothing.
    const outcomes: unknown[] = [];
    for (let index = 0; index < 6; index += 1) {
      outcomes.push((await guess(id, ip, wrongCode(secret)))['code'], (await guess(id, ip, seen))['code']);
    }
    expect(outcomes.filter((code) => code === 'account_locked')).toHaveLength(3);
  });
});
