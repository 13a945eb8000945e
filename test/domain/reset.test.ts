import { describe, expect, test } from '@jest/globals';
import { audit } from '../../src/storage/audit.ts';
import { openMailDomain, PASSWORD, somewhere } from '../mail/mail-domain.ts';
import { at, errorOf, newEmail, operator } from './harness.ts';

const opened = openMailDomain();
const invalid = { code: 'invalid_reset_token' };
const NEXT = 'an entirely new password';
const MINUTE = 60_000;

/** An account and its reset link. */
async function asked(more: object = {}) {
  const { reset, account, token } = await opened;
  const user = await account(more);
  await reset.request({ email: user.email }, somewhere());
  return { user, link: await token() };
}

describe('requesting a password reset', () => {
  test('sends a link to the account, named by email or username', async () => {
    const { reset, account, mail } = await opened;
    const user = await account({ username: `zoe${newEmail().slice(1, 9)}`, emailVerified: true });
    for (const typed of [
      { email: user.email.toUpperCase() },
      { identifier: ` ${user.email} ` },
      { identifier: user.username },
    ]) {
      expect(await reset.request(typed, somewhere(), { locale: 'es' })).toEqual({ found: true });
    }
    const messages = await mail();
    expect(messages).toHaveLength(3);
    for (const message of messages) {
      expect(message).toMatchObject({ kind: 'password-reset', to: user.email, person: 'Zoë', locale: 'es' });
      expect(message).toMatchObject({
        link: { lasts: 900 },
        circumstances: { ip: expect.stringMatching(/^10\./) },
      });
    }
    const [event] = await audit.list({ limit: 1, subject: user.id });
    expect(event).toMatchObject({ type: 'password.reset_requested', outcome: 'success' });
    expect(JSON.stringify(event)).not.toContain('@example');
  });

  test('does the same work for an unknown account, and leaves only an event', async () => {
    const { reset, account, mail, statements, pool, accounts } = await opened;
    const user = await account();
    const suspended = await account();
    await accounts.suspend(suspended.id, operator);
    const did = async (typed: { email: string }) => {
      statements.length = 0;
      const { found } = await reset.request(typed, somewhere());
      return { found, statements: statements.map((sql) => sql.replace(/^(release|rollback to).*/, 'end')) };
    };
    const known = await did({ email: user.email });
    expect(known.found).toBe(true);
    expect(known.statements).toContain('insert into one_time_tokens');
    expect(known.statements).toContain('insert into outbox');
    expect((await mail()).map(({ to }) => to)).toEqual([user.email]);

    const tokens = async () => (await pool.query('select from one_time_tokens')).rowCount;
    const before = await tokens();
    expect(await did({ email: newEmail() })).toEqual({ ...known, found: false });
    const [event] = await audit.list({ limit: 1 });
    expect(event).toMatchObject({
      type: 'password.reset_requested',
      outcome: 'failure',
      subject: null,
      details: { reason: 'unknown_account' },
    });
    expect(await did({ email: suspended.email })).toEqual(known);
    expect(await tokens()).toBe(before);
    expect(await mail()).toEqual([]);
  });

  test.each([undefined, null, 42, '', 'no address', {}, ['a@example.com'], '\0', 'x'.repeat(1_000_000)])(
    'survives any input: %#',
    async (typed) => {
      const { reset, mail } = await opened;
      expect(await reset.request({ email: typed }, somewhere())).toEqual({ found: false });
      if (typed !== 'no address')
        expect(await reset.request({ identifier: typed }, somewhere())).toEqual({ found: false });
      expect(await mail()).toEqual([]);
    },
  );

  test.each(['known', 'unknown'])('is limited by source, for %s accounts alike', async (which) => {
    const { reset, account, mail } = await opened;
    const email = which === 'known' ? (await account()).email : newEmail();
    const actor = somewhere();
    for (let index = 0; index < 10; index += 1) await reset.request({ email }, actor);
    const refused = await errorOf(reset.request({ email }, actor));
    expect(refused['code']).toBe('rate_limited');
    expect(refused['retryAfter']).toBeGreaterThan(3_500);
    await reset.request({ email }, somewhere());
    expect((await mail()).length).toBe(which === 'known' ? 10 : 0);
  });

  test('is limited by account, except from a source of a recent login', async () => {
    const { reset, account, login, mail } = await opened;
    const { email } = await account({ emailVerified: true });
    const home = somewhere();
    await login({ email, password: PASSWORD, actor: home });
    for (let index = 0; index < 30; index += 1) await reset.request({ email }, somewhere());
    expect(await errorOf(reset.request({ email }, somewhere()))).toMatchObject({ code: 'rate_limited' });
    expect(await reset.request({ email }, home)).toEqual({ found: true });
    // As many as the mailbox limit allows, and the one from the known source.
    expect((await mail()).length).toBe(11);
  });
});

describe('a password reset', () => {
  test('can be repeated with the same password if its reply was lost, but with no other', async () => {
    const { reset, users, mail, withLostReply } = await opened;
    for (const again of [NEXT, 'a third right password']) {
      const { user, link } = await asked();
      await withLostReply(() => reset.confirm(link, NEXT, somewhere()));
      const { passwordHash } = (await users.findById(user.id))!;
      const done = await errorOf(reset.confirm(link, again, somewhere()));
      expect(done['code']).toBe(again === NEXT ? 'none' : 'invalid_reset_token');
      expect(await errorOf(reset.confirm(link, NEXT, somewhere()))).toMatchObject({
        code: 'invalid_reset_token',
      });
      expect((await users.findById(user.id))?.passwordHash).toBe(passwordHash);
      await mail();
    }
  });

  test('sets the password, ends all sessions and tokens, verifies the address and notifies the owner', async () => {
    const { reset, users, login, run, mail } = await opened;
    const { user, link } = await asked();
    const isRunning = await run(user.id);
    expect(await isRunning()).toBe(true);
    expect(await reset.peek(link, somewhere())).toMatchObject({ id: user.id, email: user.email });
    expect(await reset.peek(link, somewhere())).not.toHaveProperty('passwordHash');
    const actor = somewhere();
    const done = await reset.confirm(link, NEXT, actor);
    expect(done).toMatchObject({ id: user.id, emailVerifiedAt: expect.any(Date), hasPassword: true });
    expect(await isRunning()).toBe(false);
    const record = await users.findById(user.id);
    expect(record?.emailVerifiedAt).toBeInstanceOf(Date);
    expect(record?.passwordChangedAt?.getTime()).toBeGreaterThan(user.passwordChangedAt!.getTime());
    const { email } = user;
    expect(await errorOf(login({ email, password: PASSWORD, actor: somewhere() }))).toEqual({
      code: 'invalid_credentials',
    });
    await login({ email, password: NEXT, actor: somewhere() });
    expect(await mail()).toMatchObject([
      { kind: 'password-changed', to: email, person: 'Zoë', circumstances: { ip: actor.ip } },
    ]);
    const events = await audit.list({ limit: 10, subject: user.id });
    expect(events.find(({ type }) => type === 'password.reset')).toMatchObject({
      actor: { ...actor, kind: 'user', id: user.id },
      details: { emailVerified: true },
    });
    // The reset is not a login.
    expect(record?.lastLoginAt).toBeNull();
  });

  test('gives a password to an account that had none', async () => {
    const { reset, login, mail } = await opened;
    const { user, link } = await asked({ password: null });
    await reset.confirm(link, NEXT, somewhere());
    await login({ email: user.email, password: NEXT, actor: somewhere() });
    await mail();
  });

  test('works once of twenty parallel requests', async () => {
    const { reset, login, mail } = await opened;
    const { user, link } = await asked();
    const tries = Array.from({ length: 20 }, (_, index) => `${NEXT} ${index}`);
    const outcomes = await Promise.all(
      tries.map((password) => errorOf(reset.confirm(link, password, somewhere()))),
    );
    const won = outcomes.findIndex(({ code }) => code === 'none');
    expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(outcomes.filter(({ code }) => code === invalid.code)).toHaveLength(19);
    await login({ email: user.email, password: tries[won], actor: somewhere() });
    expect(await mail()).toHaveLength(1);
  });

  test('with an unacceptable password does not use up the link', async () => {
    const { reset, mail } = await opened;
    const { user, link } = await asked({ username: `u${newEmail().slice(1, 12)}` });
    for (const [password, reason] of [
      ['short', 'too_short'],
      ['password123', 'common'],
      [user.username!, 'contains_name'],
      ['x'.repeat(129), 'too_long'],
      ['nul\0 in a password', 'invalid_characters'],
    ] as const) {
      expect(await errorOf(reset.confirm(link, password, somewhere()))).toMatchObject({
        code: 'weak_password',
        reason,
      });
    }
    await reset.confirm(link, NEXT, somewhere());
    await mail();
  });

  test('works with any of several links, once', async () => {
    const { reset, token, mail } = await opened;
    const { user, link: first } = await asked();
    await reset.request({ email: user.email }, somewhere());
    const second = await token();
    await reset.confirm(first, NEXT, somewhere());
    for (const link of [first, second]) {
      expect(await reset.peek(link, somewhere())).toBeNull();
      expect(await errorOf(reset.confirm(link, `${NEXT} again`, somewhere()))).toEqual(invalid);
    }
    await mail();
  });

  test('works for fifteen minutes', async () => {
    const { reset, later } = await opened;
    const { link } = await asked();
    later(14 * MINUTE);
    expect(await reset.peek(link, somewhere())).not.toBeNull();
    later(2 * MINUTE);
    expect(await reset.peek(link, somewhere())).toBeNull();
    expect(await errorOf(reset.confirm(link, NEXT, somewhere()))).toEqual(invalid);
    later(-16 * MINUTE);
  });

  test.each(['password', 'address', 'suspension', 'deletion'])(
    'is refused after a change: %s',
    async (which) => {
      const { reset, accounts, mail } = await opened;
      const { user, link } = await asked();
      if (which === 'password') await accounts.setPassword(user.id, 'the next right password', operator);
      if (which === 'address') await accounts.update(user.id, { email: newEmail() }, operator);
      if (which === 'suspension') await accounts.suspend(user.id, operator);
      if (which === 'deletion') await accounts.remove(user.id, operator);
      expect(await reset.peek(link, somewhere())).toBeNull();
      expect(await errorOf(reset.confirm(link, NEXT, somewhere()))).toEqual(invalid);
      await mail();
    },
  );

  test('is refused with a link that is wrong, truncated, for another purpose or malformed', async () => {
    const { reset, verification, account, token } = await opened;
    const { link } = await asked();
    const other = await account();
    await verification.request(other.id, somewhere());
    const foreign = await token();
    for (const wrong of [
      link.slice(1),
      `${link}_`,
      link.toLowerCase(),
      foreign,
      '',
      '\0',
      '\udc00',
      'x'.repeat(100_000),
    ]) {
      expect(await reset.peek(wrong, somewhere())).toBeNull();
      expect(await errorOf(reset.confirm(wrong, NEXT, somewhere()))).toEqual(invalid);
    }
    await verification.confirm(foreign, somewhere());
  });

  test('cancels a change of address requested by somebody else', async () => {
    const { reset, verification, mail, users } = await opened;
    const { user, link } = await asked();
    await verification.requestChange(user.id, newEmail(), somewhere());
    const change = (await mail()).find(({ kind }) => kind === 'verify-email');
    await reset.confirm(link, NEXT, somewhere());
    const token = change && 'link' in change ? change.link.token : '';
    expect(await errorOf(verification.confirm(token, somewhere()))).toEqual({
      code: 'invalid_verification_token',
    });
    expect((await users.findById(user.id))?.email).toBe(user.email);
    await mail();
  });

  test('forgives the wrong guesses of its source', async () => {
    const { login, reset, mail } = await opened;
    const { user, link } = await asked();
    const { email } = user;
    const actor = at('198.51.100.77');
    for (let index = 0; index < 5; index += 1)
      await errorOf(login({ email, password: 'a wrong one', actor }));
    expect(await errorOf(login({ email, password: PASSWORD, actor }))).toMatchObject({
      code: 'account_locked',
    });
    await reset.confirm(link, NEXT, actor);
    await login({ email, password: NEXT, actor });
    await mail();
  });

  test('never deadlocks with a parallel request for another link', async () => {
    const { reset, mail } = await opened;
    for (let round = 0; round < 5; round += 1) {
      const { user, link } = await asked();
      const outcomes = await Promise.all([
        errorOf(reset.confirm(link, NEXT, somewhere())),
        ...Array.from({ length: 5 }, () => errorOf(reset.request({ email: user.email }, somewhere()))),
      ]);
      expect(outcomes.map(({ code }) => code)).toEqual(Array.from({ length: 6 }, () => 'none'));
      await mail();
    }
  });
});
