import { describe, expect, test } from '@jest/globals';
import { audit } from '../../../src/storage/audit.ts';
import { at, errorOf, openDomain, openStores, withLostReply } from '../harness.ts';
import { codeOf, enrolTotp, NOW, person, somewhere, wrongCode } from './people.ts';
import { wide } from '../../support/wide.ts';

const domain = openDomain({ now: NOW }, openStores());
const verify = async (id: string, code: unknown, actor = somewhere()) =>
  errorOf((await domain).mfa.verify(id, { code }, actor));
const right = { code: 'none' };
const wrong = { code: 'invalid_credentials', field: 'otp' };

describe('TOTP enrolment', () => {
  test('provides what an app needs, and takes effect after the first code', async () => {
    const { mfa } = await domain;
    const { id, email } = await person(await domain);
    const enrolment = await mfa.totp.begin(id, ' Phone ');
    const uri = new URL(enrolment.uri);
    expect(enrolment.secret).toMatch(/^[A-Z2-7]{32}$/);
    expect([uri.protocol, uri.host, decodeURIComponent(uri.pathname)]).toEqual([
      'otpauth:',
      'totp',
      `/Postern:${email}`,
    ]);
    expect(uri.searchParams.get('secret')).toBe(enrolment.secret);
    expect(uri.searchParams.get('issuer')).toBe('Postern');
    expect(await mfa.hasSecondFactor(id)).toBe(false);
    expect((await mfa.status(id)).totp).toEqual([]);
    expect(await verify(id, codeOf(enrolment.secret))).toEqual(wrong);

    const { authenticator, recoveryCodes } = await mfa.totp.confirm(
      id,
      enrolment.id,
      codeOf(enrolment.secret),
      at(null),
    );
    expect(authenticator).toMatchObject({ id: enrolment.id, name: 'Phone' });
    expect(recoveryCodes).toHaveLength(10);
    expect(await mfa.hasSecondFactor(id)).toBe(true);
    expect(await mfa.status(id)).toMatchObject({
      totp: [{ id: enrolment.id, name: 'Phone' }],
      passkeys: [],
      recoveryCodesLeft: 10,
      required: false,
      methods: ['otp', 'recovery'],
    });
  });

  test('stores the secret encrypted and keeps it out of audit events', async () => {
    const { pool } = await domain;
    const { id } = await person(await domain);
    const { secret, recoveryCodes } = await enrolTotp(await domain, id);
    const { rows } = await pool.query<{ secret: Buffer }>(
      'select secret from totp_authenticators where account_id = $1',
      [id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.secret.toString('latin1')).not.toContain(secret);
    const events = JSON.stringify(await audit.list({ limit: 100, subject: id }));
    expect(events).toContain('factor.added');
    expect(events).not.toContain(secret);
    expect(events).not.toContain(recoveryCodes[0]);
  });

  test('notifies the owner and audits it, in one transaction', async () => {
    const { sentNotices } = await domain;
    const { id } = await person(await domain);
    const actor = { ...somewhere(), kind: 'user' as const, id };
    const { mfa } = await domain;
    const { id: enrolment, secret } = await mfa.totp.begin(id, 'Phone');
    await mfa.totp.confirm(id, enrolment, codeOf(secret), actor);
    const [event] = await audit.list({ limit: 1, subject: id });
    const factor = { id: enrolment, kind: 'totp', name: 'Phone' };
    expect(event).toMatchObject({ type: 'factor.added', outcome: 'success', details: factor, actor });
    expect(sentNotices.filter(({ accountId }) => accountId === id)).toEqual([
      { kind: 'factor-added', accountId: id, about: factor },
    ]);
  });

  test('refuses a wrong code, another account’s enrolment, an expired and a confirmed one', async () => {
    const { mfa, advance } = await domain;
    const [{ id }, { id: other }] = [await person(await domain), await person(await domain)];
    const { id: enrolment, secret } = await mfa.totp.begin(id, 'Phone');
    const confirm = (account: string, code: unknown, of = enrolment) =>
      errorOf(mfa.totp.confirm(account, of, code, at(null)));
    for (const code of [wrongCode(secret), '', null, 42, {}, 'x'.repeat(100_000), `${codeOf(secret)}0`]) {
      expect(await confirm(id, code)).toEqual({ code: 'invalid_credentials', field: 'code' });
    }
    expect(await confirm(other, codeOf(secret))).toEqual({ code: 'factor_not_found' });
    expect(await confirm(id, codeOf(secret), 'no uuid')).toEqual({ code: 'factor_not_found' });
    advance(16 * 60_000);
    expect(await confirm(id, codeOf(secret, 32))).toEqual({ code: 'factor_not_found' });
    advance(-16 * 60_000);
    expect(await confirm(id, codeOf(secret))).toEqual(right);
    expect(await confirm(id, codeOf(secret, 1))).toEqual({ code: 'factor_not_found' });
  });

  test('is refused once the security of the account has changed since a login began', async () => {
    const { mfa, users } = await domain;
    const { id } = await person(await domain);
    const { securityVersion } = (await users.findById(id))!;
    const { id: enrolment, secret } = await mfa.totp.begin(id, 'Phone');
    await enrolTotp(await domain, id, 'Tablet');
    const confirmed = mfa.totp.confirm(id, enrolment, codeOf(secret), at(null), securityVersion);
    expect(await errorOf(confirmed)).toEqual({ code: 'invalid_token' });
    expect((await mfa.status(id)).totp.map(({ name }) => name)).toEqual(['Tablet']);
  });

  test('takes effect once if confirmed in parallel', async () => {
    const { mfa, sentNotices } = await domain;
    const { id } = await person(await domain);
    const { id: enrolment, secret } = await mfa.totp.begin(id, 'Phone');
    const tries = await Promise.all(
      Array.from({ length: 20 }, () => errorOf(mfa.totp.confirm(id, enrolment, codeOf(secret), at(null)))),
    );
    expect(tries.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(tries.filter(({ code }) => code === 'factor_not_found')).toHaveLength(19);
    expect((await mfa.status(id)).recoveryCodesLeft).toBe(10);
    expect(sentNotices.filter(({ accountId }) => accountId === id)).toHaveLength(1);
  });

  test('can be started in several tabs, up to a limit', async () => {
    const { mfa, pool } = await domain;
    const { id } = await person(await domain);
    const first = await mfa.totp.begin(id, 'one');
    const second = await mfa.totp.begin(id, 'two');
    await mfa.totp.confirm(id, first.id, codeOf(first.secret), at(null));
    await mfa.totp.confirm(id, second.id, codeOf(second.secret), at(null));
    for (let index = 0; index < 12; index += 1) await mfa.totp.begin(id, 'again');
    const { rows } = await pool.query('select 1 from totp_authenticators where account_id = $1', [id]);
    expect(rows).toHaveLength(7);
  });

  test.each(['', ' ', 'x'.repeat(61), 'nul\0', 'line\u2028', 'half\ud83d'])(
    'refuses the name %j',
    async (name) => {
      const { mfa } = await domain;
      const { id } = await person(await domain);
      const refused = { code: 'invalid_request', field: 'name' };
      expect(await errorOf(mfa.totp.begin(id, name))).toEqual(refused);
      const { id: totp } = await enrolTotp(await domain, id);
      expect(await errorOf(mfa.totp.rename(id, totp, name))).toEqual(refused);
    },
  );

  test('needs an existing account, and has a maximum number of apps', async () => {
    const { mfa, pool } = await domain;
    for (const id of ['00000000-0000-4000-8000-000000000000', 'nobody']) {
      expect(await errorOf(mfa.totp.begin(id, 'Phone'))).toEqual({ code: 'user_not_found' });
    }
    const { id } = await person(await domain);
    const { secret } = await enrolTotp(await domain, id);
    await pool.query(
      `insert into totp_authenticators (id, account_id, name, secret)
       select gen_random_uuid(), account_id, name, secret from totp_authenticators, generate_series(1, 19)
       where account_id = $1`,
      [id],
    );
    const { id: enrolment, secret: more } = await mfa.totp.begin(id, 'one too many');
    expect(await errorOf(mfa.totp.confirm(id, enrolment, codeOf(more), at(null)))).toEqual({
      code: 'invalid_request',
      reason: 'too_many',
    });
    expect(secret).not.toBe(more);
  });
});

describe('a TOTP code', () => {
  test('is accepted one time step early or late, and no more', async () => {
    for (const [steps, outcome] of [
      [-2, wrong],
      [0, right],
      [1, right],
      [3, wrong],
    ] as const) {
      const { id } = await person(await domain);
      const { secret } = await enrolTotp(await domain, id);
      expect(await verify(id, codeOf(secret, steps))).toEqual(outcome);
    }
    // The previous step, for an app whose first code was older.
    const { mfa, advance } = await domain;
    const { id } = await person(await domain);
    const { id: enrolment, secret } = await mfa.totp.begin(id, 'Phone');
    advance(-5 * 60_000);
    await mfa.totp.confirm(id, enrolment, codeOf(secret, -10), at(null));
    advance(5 * 60_000);
    expect(await verify(id, codeOf(secret, -1))).toEqual(right);
  });

  test('may be typed with the spaces that apps show', async () => {
    const { id } = await person(await domain);
    const { secret } = await enrolTotp(await domain, id);
    const code = codeOf(secret);
    expect(await verify(id, ` ${code.slice(0, 3)} ${code.slice(3)}\n`)).toEqual(right);
  });

  test('may be typed in full-width digits', async () => {
    const { id } = await person(await domain);
    const { secret } = await enrolTotp(await domain, id);
    expect(await verify(id, wide(codeOf(secret)))).toEqual(right);
  });

  test('belongs to its account, and to any of its apps', async () => {
    const [one, two] = [await person(await domain), await person(await domain)];
    const first = await enrolTotp(await domain, one.id, 'one');
    const second = await enrolTotp(await domain, one.id, 'two');
    const other = await enrolTotp(await domain, two.id);
    expect(await verify(one.id, codeOf(other.secret))).toEqual(wrong);
    expect(await verify(one.id, codeOf(second.secret))).toEqual(right);
    expect(await verify(one.id, codeOf(first.secret))).toEqual(right);
    expect(await verify(two.id, codeOf(other.secret))).toEqual(right);
  });

  test('works once, and then no earlier one works', async () => {
    const { mfa } = await domain;
    const { id } = await person(await domain);
    const { secret } = await enrolTotp(await domain, id);
    expect(await mfa.verify(id, { code: codeOf(secret, 1) }, somewhere())).toEqual({
      method: 'otp',
      amr: ['otp', 'mfa'],
    });
    expect(await verify(id, codeOf(secret, 1))).toEqual(wrong);
    expect(await verify(id, codeOf(secret))).toEqual(wrong);
  });

  test('works again if its reply was lost, unless a later one has worked since', async () => {
    const { mfa } = await domain;
    for (const isLater of [false, true]) {
      const { id } = await person(await domain);
      const { secret } = await enrolTotp(await domain, id);
      await withLostReply(() => mfa.verify(id, { code: codeOf(secret) }, somewhere()));
      if (isLater) expect(await verify(id, codeOf(secret, 1))).toEqual(right);
      expect(await verify(id, codeOf(secret))).toEqual(isLater ? wrong : right);
    }
  });

  test('that confirmed the enrolment is used up', async () => {
    const { mfa } = await domain;
    const { id } = await person(await domain);
    const { id: enrolment, secret } = await mfa.totp.begin(id, 'Phone');
    await mfa.totp.confirm(id, enrolment, codeOf(secret), at(null));
    expect(await verify(id, codeOf(secret))).toEqual(wrong);
  });

  test('tried in parallel works once and locks nobody out', async () => {
    const { id } = await person(await domain);
    const { secret } = await enrolTotp(await domain, id);
    const actor = somewhere();
    const tries = await Promise.all(Array.from({ length: 20 }, () => verify(id, codeOf(secret), actor)));
    expect(tries.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(tries.filter(({ code }) => code === 'invalid_credentials')).toHaveLength(19);
    expect(await verify(id, codeOf(secret, 1), actor)).toEqual(right);
  });

  test.each([
    undefined,
    null,
    42,
    {},
    [],
    '',
    '12345',
    '1234567',
    'abcdef',
    '１２３４５６',
    'x'.repeat(1_000_000),
    '\0',
  ])('can be any input: %#', async (code) => {
    const { id } = await person(await domain);
    await enrolTotp(await domain, id);
    expect(await verify(id, code)).toEqual(wrong);
  });

  test('that is wrong is audited without the code', async () => {
    const { id } = await person(await domain);
    const { secret } = await enrolTotp(await domain, id);
    const [code, actor] = [wrongCode(secret), somewhere()];
    await verify(id, code, actor);
    const [event] = await audit.list({ limit: 1, subject: id });
    expect(event).toMatchObject({
      type: 'factor.failed',
      outcome: 'failure',
      details: { method: 'code', reason: 'wrong' },
      actor,
    });
    expect(JSON.stringify(event)).not.toContain(code);
  });
});

describe('an authenticator app', () => {
  test('is renamed and removed by its owner alone', async () => {
    const { mfa, sentNotices } = await domain;
    const [{ id }, { id: other }] = [await person(await domain), await person(await domain)];
    const { id: totp } = await enrolTotp(await domain, id);
    const missing = { code: 'factor_not_found' };
    for (const [account, factor] of [
      [other, totp],
      [id, '00000000-0000-4000-8000-000000000000'],
      [id, 'no uuid'],
    ] as const) {
      expect(await errorOf(mfa.totp.rename(account, factor, 'Mine'))).toEqual(missing);
      expect(await errorOf(mfa.totp.remove(account, factor, at(null)))).toEqual(missing);
    }
    expect(await mfa.totp.rename(id, totp, 'Tablet')).toMatchObject({ id: totp, name: 'Tablet' });
    await mfa.totp.remove(id, totp, at(null));
    expect(sentNotices.at(-1)).toEqual({
      kind: 'factor-removed',
      accountId: id,
      about: { id: totp, kind: 'totp', name: 'Tablet' },
    });
    const [event] = await audit.list({ limit: 1, subject: id });
    expect(event).toMatchObject({ type: 'factor.removed', details: { id: totp } });
    // The recovery codes go with the last factor.
    expect(await mfa.status(id)).toMatchObject({ totp: [], recoveryCodesLeft: 0, methods: [] });
  });

  test('that is not the last factor leaves the recovery codes', async () => {
    const { mfa } = await domain;
    const { id } = await person(await domain);
    const first = await enrolTotp(await domain, id, 'one');
    const second = await enrolTotp(await domain, id, 'two');
    expect(second.recoveryCodes).toEqual([]);
    await mfa.totp.remove(id, first.id, at(null));
    expect(await mfa.status(id)).toMatchObject({ totp: [{ name: 'two' }], recoveryCodesLeft: 10 });
  });

  test('is deleted with its account', async () => {
    const { accounts, pool } = await domain;
    const { id } = await person(await domain);
    await enrolTotp(await domain, id);
    await accounts.remove(id, at(null));
    for (const table of ['totp_authenticators', 'recovery_codes']) {
      expect((await pool.query(`select 1 from ${table} where account_id = $1`, [id])).rows).toEqual([]);
    }
  });
});
