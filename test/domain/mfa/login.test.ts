import { describe, expect, test } from '@jest/globals';
import { audit } from '../../../src/storage/audit.ts';
import { errorOf, openDomain, openStores, operator, passwords } from '../harness.ts';
import {
  appOwner,
  begin,
  codeOf,
  enrolPasskey,
  NOW,
  PASSWORD,
  person,
  somewhere,
  wrongCode,
} from './people.ts';

const stores = openStores();
const domain = openDomain({ now: NOW }, stores);

const owner = async () => appOwner(await domain);

describe('a login in one request', () => {
  test('needs only a password without a second factor, whatever else is sent', async () => {
    const { login } = await domain;
    const { email } = await person(await domain);
    for (const otp of [undefined, '123456', { $ne: null }]) {
      expect(await login({ email, password: PASSWORD, otp, actor: somewhere() })).toMatchObject({
        amr: ['pwd'],
        acr: 'urn:postern:acr:1fa',
        enrolmentRequired: false,
      });
    }
  });

  test('asks for the second factor only after the right password', async () => {
    const { login, outcomes } = await domain;
    const { email, secret } = await owner();
    for (const otp of [undefined, null, '']) {
      expect(await errorOf(login({ email, password: PASSWORD, otp, actor: somewhere() }))).toEqual({
        code: 'mfa_required',
      });
    }
    expect(outcomes.at(-1)).toBe('mfa_required');
    const actor = somewhere();
    const wrong = { email, password: 'a wrong password', actor };
    expect(await errorOf(login(wrong))).toEqual({ code: 'invalid_credentials' });
    // The wrong password does not use up the code either.
    expect(await errorOf(login({ ...wrong, otp: codeOf(secret) }))).toEqual({ code: 'invalid_credentials' });
    await login({ email, password: PASSWORD, otp: codeOf(secret), actor });
  });

  test('accepts a TOTP code or a recovery code', async () => {
    const { login } = await domain;
    const { id, email, secret, recoveryCodes } = await owner();
    const actor = somewhere();
    expect(await login({ email, password: PASSWORD, otp: codeOf(secret), actor })).toMatchObject({
      user: { id },
      amr: ['pwd', 'otp', 'mfa'],
      acr: 'urn:postern:acr:2fa',
      authTime: Math.floor(NOW / 1000),
    });
    const [event] = await audit.list({ limit: 1, subject: id });
    expect(event).toMatchObject({
      type: 'login',
      outcome: 'success',
      details: { amr: ['pwd', 'otp', 'mfa'] },
    });
    expect(await login({ email, password: PASSWORD, otp: recoveryCodes[3], actor })).toMatchObject({
      amr: ['pwd', 'mfa'],
      acr: 'urn:postern:acr:2fa',
    });
  });

  test('answers a wrong, used or foreign code like a wrong password', async () => {
    const { login, outcomes } = await domain;
    const [mine, other] = [await owner(), await owner()];
    const tryWith = async (otp: unknown) =>
      (await errorOf(login({ email: mine.email, password: PASSWORD, otp, actor: somewhere() })))['code'];
    const code = codeOf(mine.secret);
    expect(await tryWith(code)).toBe('none');
    for (const otp of [
      code,
      wrongCode(mine.secret),
      codeOf(other.secret),
      other.recoveryCodes[0],
      42,
      {},
      'x',
    ]) {
      expect(await tryWith(otp)).toBe('invalid_credentials');
      expect(outcomes.at(-1)).toBe('invalid_credentials');
    }
  });

  test('succeeds once of many parallel ones with one code', async () => {
    const { login } = await domain;
    const { id, email, secret } = await owner();
    const request = { email, password: PASSWORD, otp: codeOf(secret), actor: somewhere() };
    const tries = await Promise.all(Array.from({ length: 20 }, () => errorOf(login(request))));
    expect(tries.filter(({ code }) => code === 'none')).toHaveLength(1);
    const events = await audit.list({ limit: 100, subject: id });
    expect(events.filter(({ type, outcome }) => type === 'login' && outcome === 'success')).toHaveLength(1);
  });

  test('accepts a recovery code from an account that has only passkeys', async () => {
    const { login } = await domain;
    const { id, email } = await person(await domain);
    const { recoveryCodes } = await enrolPasskey(await domain, id);
    const request = { email, password: PASSWORD, actor: somewhere() };
    expect(await errorOf(login(request))).toEqual({ code: 'mfa_required' });
    expect((await login({ ...request, otp: recoveryCodes?.[0] })).amr).toEqual(['pwd', 'mfa']);
  });
});

describe('a login in two steps', () => {
  test('ends with the password, or names the next step', async () => {
    const { beginLogin, pendingLogin, outcomes } = await domain;
    const { email } = await person(await domain);
    const done = await beginLogin({ email, password: PASSWORD, actor: somewhere() });
    expect(done).toMatchObject({ amr: ['pwd'], enrolmentRequired: false });

    const { id, email: mine } = await owner();
    const pending = await begin(await domain, mine);
    expect(pending).toEqual({ token: pending.token, accountId: id, methods: ['otp', 'recovery'] });
    expect(outcomes.at(-1)).toBe('mfa_required');
    expect(pending.token).toMatch(/^[\w-]+$/);
    expect(await pendingLogin(pending.token)).toEqual(pending);
    const { lastLoginAt } = (await (await domain).accounts.find(id))!;
    expect(lastLoginAt).toBeNull();
  });

  test('is completed by a code', async () => {
    const { completeLogin, outcomes } = await domain;
    const { id, email, secret, recoveryCodes } = await owner();
    const { token } = await begin(await domain, email);
    expect(await errorOf(completeLogin(token, { code: wrongCode(secret) }, somewhere()))).toEqual({
      code: 'invalid_credentials',
      field: 'otp',
    });
    expect(await completeLogin(token, { code: codeOf(secret) }, somewhere())).toMatchObject({
      user: { id },
      amr: ['pwd', 'otp', 'mfa'],
      acr: 'urn:postern:acr:2fa',
    });
    expect(outcomes.at(-1)).toBe('success');
    const again = await begin(await domain, email);
    expect((await completeLogin(again.token, { code: recoveryCodes[0] }, somewhere())).amr).toEqual([
      'pwd',
      'mfa',
    ]);
  });

  test('is completed by a passkey, as strong as its user verification', async () => {
    const { completeLogin, mfa } = await domain;
    const { id, email } = await person(await domain);
    const { authenticator } = await enrolPasskey(await domain, id);
    for (const [userVerified, level] of [
      [true, 'phr'],
      [false, '2fa'],
    ] as const) {
      const { token, methods } = await begin(await domain, email);
      expect(methods).toEqual(['passkey', 'recovery']);
      const reply = authenticator.get(await mfa.passkeys.secondFactorOptions(id), { userVerified });
      expect(await completeLogin(token, { passkey: reply }, somewhere())).toMatchObject({
        amr: ['pwd', 'pop', 'user', 'mfa'],
        acr: `urn:postern:acr:${level}`,
      });
      expect(await errorOf(completeLogin(token, { passkey: reply }, somewhere()))).toEqual({
        code: 'invalid_token',
      });
      const { token: another } = await begin(await domain, email);
      expect(await errorOf(completeLogin(another, { passkey: reply }, somewhere()))).toEqual({
        code: 'invalid_passkey',
        reason: 'challenge',
      });
    }
  });

  test('is not completed by another account’s passkey', async () => {
    const { completeLogin, mfa } = await domain;
    const [mine, other] = [await person(await domain), await person(await domain)];
    await enrolPasskey(await domain, mine.id);
    const { authenticator } = await enrolPasskey(await domain, other.id);
    const { token } = await begin(await domain, mine.email);
    for (const account of [mine.id, other.id]) {
      const reply = authenticator.get(await mfa.passkeys.secondFactorOptions(account));
      const { code } = await errorOf(completeLogin(token, { passkey: reply }, somewhere()));
      expect(code).toBe('invalid_passkey');
    }
  });

  test('expires after a time, with a new password and with the account', async () => {
    const { completeLogin, pendingLogin, accounts, advance } = await domain;
    const gone = { code: 'invalid_token' };
    const { id, email, recoveryCodes } = await owner();
    const complete = (token: unknown, index: number) =>
      errorOf(completeLogin(token, { code: recoveryCodes[index] }, somewhere()));

    const late = await begin(await domain, email);
    advance(10 * 60_000);
    expect(await complete(late.token, 0)).toEqual(gone);
    expect(await pendingLogin(late.token)).toBeNull();
    advance(-10 * 60_000);

    await accounts.suspend(id, operator);
    expect(await complete(late.token, 0)).toEqual(gone);
    expect(await pendingLogin(late.token)).toBeNull();
    await accounts.reactivate(id, operator);
    expect(await complete(late.token, 0)).toEqual(gone);

    const next = await begin(await domain, email);
    await accounts.setPassword(id, 'another right password', operator);
    expect(await complete(next.token, 0)).toEqual(gone);
    expect(await pendingLogin(next.token)).toBeNull();
    await accounts.remove(id, operator);
    expect(await complete(next.token, 0)).toEqual(gone);
  });

  test('ends with another factor, and after its completion, however the account is named', async () => {
    const { completeLogin, mfa } = await domain;
    const { id, email, recoveryCodes } = await owner();
    const complete = (token: string, index: number) =>
      errorOf(completeLogin(token, { code: recoveryCodes[index] }, somewhere()));

    const first = await begin(await domain, email);
    expect(await complete(first.token, 0)).toEqual({ code: 'none' });
    for (const again of [first.token, `${first.token}=`, `${first.token} `])
      expect(await complete(again, 1)).toEqual({ code: 'invalid_token' });

    const second = await begin(await domain, email);
    const tries = await Promise.all([2, 3, 4, 5].map((index) => complete(second.token, index)));
    expect(tries.filter(({ code }) => code === 'none')).toHaveLength(1);

    const third = await begin(await domain, email);
    const codes = await mfa.recoveryCodes.regenerate(id, operator);
    expect(await errorOf(completeLogin(third.token, { code: codes[0] }, somewhere()))).toEqual({
      code: 'invalid_token',
    });
  });

  test('fails if the password changes while the code is checked', async () => {
    const { completeLogin, pool } = await domain;
    const { id, email, recoveryCodes } = await owner();
    const { token } = await begin(await domain, email);
    const client = await pool.connect();
    await client.query('begin');
    // The change is made but not committed.
    await client.query('update users set security_version = security_version + 1 where id = $1', [id]);
    const under = errorOf(completeLogin(token, { code: recoveryCodes[0] }, somewhere()));
    for (;;) {
      const { rows } = await pool.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      if (rows.length > 0) break;
    }
    await client.query('commit');
    client.release();
    expect(await under).toMatchObject({ code: 'invalid_credentials' });
  });

  test.each([
    undefined,
    null,
    42,
    '',
    'x',
    'x'.repeat(1_000_000),
    {},
    Buffer.alloc(64).toString('base64url'),
  ])('survives any token: %#', async (token) => {
    const { completeLogin, pendingLogin } = await domain;
    expect(await pendingLogin(token)).toBeNull();
    expect(await errorOf(completeLogin(token, { code: '123456' }, somewhere()))).toEqual({
      code: 'invalid_token',
    });
  });

  test('refuses an altered token', async () => {
    const { completeLogin } = await domain;
    const { email, secret } = await owner();
    const bytes = Buffer.from((await begin(await domain, email)).token, 'base64url');
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    const token = bytes.toString('base64url');
    expect(await errorOf(completeLogin(token, { code: codeOf(secret) }, somewhere()))).toEqual({
      code: 'invalid_token',
    });
  });

  test('renews the hash before the second factor', async () => {
    const { users } = await domain;
    const { id, email } = await owner();
    const today = { ...passwords, argon2: { memory: 128, time: 1, parallelism: 1 } };
    const other = await openDomain({ now: NOW, passwords: today }, stores);
    await other.beginLogin({ email, password: PASSWORD, actor: somewhere() });
    expect((await users.findById(id))?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=128,/);
  });
});

describe('step-up authentication', () => {
  test('asks for the second factor alone', async () => {
    const { beginStepUp, completeLogin } = await domain;
    const { id, secret } = await owner();
    const step = await beginStepUp(id);
    expect(step).toMatchObject({ accountId: id, methods: ['otp', 'recovery'] });
    expect(await completeLogin(step.token, { code: codeOf(secret) }, somewhere())).toMatchObject({
      amr: ['pwd', 'otp', 'mfa'],
      acr: 'urn:postern:acr:2fa',
    });
    expect(await errorOf(beginStepUp('nobody'))).toEqual({ code: 'user_not_found' });
  });

  test('is refused without a second factor', async () => {
    const { beginStepUp, completeLogin } = await domain;
    const { id } = await person(await domain);
    const { token, methods } = await beginStepUp(id);
    expect(methods).toEqual([]);
    expect(await errorOf(completeLogin(token, { code: '123456' }, somewhere()))).toMatchObject({
      code: 'invalid_credentials',
    });
  });
});

describe('a login with a passkey alone', () => {
  test('is phishing-resistant and needs no name', async () => {
    const { loginWithPasskey, mfa, outcomes } = await domain;
    const { id } = await person(await domain);
    const { authenticator } = await enrolPasskey(await domain, id);
    const actor = somewhere();
    const reply = authenticator.get(await mfa.passkeys.loginOptions());
    expect(await loginWithPasskey(reply, actor)).toMatchObject({
      user: { id },
      amr: ['pop', 'user', 'mfa'],
      acr: 'urn:postern:acr:phr',
      enrolmentRequired: false,
    });
    expect(outcomes.at(-1)).toBe('success');
    const [event] = await audit.list({ limit: 1, subject: id });
    expect(event).toMatchObject({ type: 'login', outcome: 'success', actor: { ...actor, kind: 'user', id } });
    expect(await errorOf(loginWithPasskey(reply, actor))).toEqual({
      code: 'invalid_passkey',
      reason: 'challenge',
    });
    expect(outcomes.at(-1)).toBe('invalid_passkey');
  });

  test('does not ask to replace a password', async () => {
    const { loginWithPasskey, mfa, pool } = await domain;
    const { id } = await person(await domain);
    const { authenticator } = await enrolPasskey(await domain, id);
    await pool.query('update users set password_change_required = true where id = $1', [id]);
    const reply = authenticator.get(await mfa.passkeys.loginOptions());
    expect(await loginWithPasskey(reply, somewhere())).toMatchObject({ renewalRequired: false });
  });

  test('works without a password, but not for a suspended account', async () => {
    const { loginWithPasskey, mfa, accounts } = await domain;
    const { id } = await accounts.create({ email: `${NOW}@example.com`, password: null }, operator);
    const { authenticator } = await enrolPasskey(await domain, id);
    const tryIt = async () =>
      errorOf(loginWithPasskey(authenticator.get(await mfa.passkeys.loginOptions()), somewhere()));
    expect(await tryIt()).toEqual({ code: 'none' });
    await accounts.suspend(id, operator);
    expect(await tryIt()).toEqual({ code: 'account_suspended' });
    await accounts.remove(id, operator);
    expect(await tryIt()).toEqual({ code: 'invalid_passkey', reason: 'unknown' });
  });
});
