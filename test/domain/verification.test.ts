import { describe, expect, test } from '@jest/globals';
import { audit } from '../../src/storage/audit.ts';
import { openMailDomain, somewhere } from '../mail/mail-domain.ts';
import { errorOf, newEmail, operator } from './harness.ts';

const opened = openMailDomain();
const invalid = { code: 'invalid_verification_token' };
const DAY = 86_400_000;

const typesOf = async (subject: string) => (await audit.list({ limit: 10, subject })).map(({ type }) => type);

describe('an address at registration', () => {
  test('is verified by the link sent to it in the transaction that creates the account', async () => {
    const { verification, account, inTransaction, users, mail, token } = await opened;
    const user = await account();
    const undone = inTransaction(async (tx) => {
      await verification.begin(user, somewhere(), tx);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await mail()).toEqual([]);

    await inTransaction((tx) => verification.begin(user, somewhere(), tx, { locale: 'de' }));
    const link = await token();
    expect(await verification.peek(link, somewhere())).toMatchObject({
      user: { id: user.id },
      email: user.email,
      isMove: false,
    });
    const actor = somewhere();
    const confirmed = await verification.confirm(link, actor);
    expect(confirmed).toMatchObject({ changed: false, user: { emailVerifiedAt: expect.any(Date) } });
    expect((await users.findById(user.id))?.emailVerifiedAt).toBeInstanceOf(Date);
    const [event] = await audit.list({ limit: 1, subject: user.id });
    expect(event).toMatchObject({ type: 'email.verified', actor: { ...actor, kind: 'user', id: user.id } });
    expect(await mail()).toEqual([]);
  });

  test('gets a message in the account’s language, else the request’s, without a name', async () => {
    const { verification, account, inTransaction, mail } = await opened;
    const [german, unknown] = [await account({ locale: 'de-AT' }), await account()];
    for (const user of [german, unknown]) {
      await inTransaction((tx) => verification.begin(user, somewhere(), tx, { locale: 'es' }));
    }
    expect(await mail()).toMatchObject([
      { kind: 'verify-email', to: german.email, locale: 'de-AT', person: null, link: { lasts: 86_400 } },
      { kind: 'verify-email', to: unknown.email, locale: 'es', person: null },
    ]);
  });

  test('can get another link, which replaces the first, and none once it is verified', async () => {
    const { verification, account, token, mail } = await opened;
    const user = await account();
    expect(await verification.request(user.id, somewhere())).toBe(true);
    const first = await token();
    expect(await verification.request(user.id, somewhere())).toBe(true);
    const second = await token();
    expect(await errorOf(verification.confirm(first, somewhere()))).toEqual(invalid);
    expect(await verification.peek(first, somewhere())).toBeNull();
    await verification.confirm(second, somewhere());
    expect(await verification.request(user.id, somewhere())).toBe(false);
    expect(await mail()).toEqual([]);
    expect(await typesOf(user.id)).toEqual([
      'email.verified',
      'email.verification_requested',
      'email.verification_requested',
      'user.created',
    ]);
  });
});

describe('a verification link', () => {
  test('works once of twenty parallel requests', async () => {
    const { verification, account, token } = await opened;
    const user = await account();
    await verification.request(user.id, somewhere());
    const link = await token();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => errorOf(verification.confirm(link, somewhere()))),
    );
    expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(outcomes.filter(({ code }) => code === invalid.code)).toHaveLength(19);
  });

  test('repeats its result if the reply was lost', async () => {
    const { verification, account, token, withLostReply } = await opened;
    const user = await account();
    await verification.request(user.id, somewhere());
    const link = await token();
    await withLostReply(() => verification.confirm(link, somewhere()));
    expect(await verification.confirm(link, somewhere())).toMatchObject({
      changed: false,
      user: { id: user.id, emailVerifiedAt: expect.any(Date) },
    });
    expect(await errorOf(verification.confirm(link, somewhere()))).toEqual(invalid);
    expect((await typesOf(user.id)).filter((type) => type === 'email.verified')).toHaveLength(1);
  });

  test('expires after a day', async () => {
    const { verification, account, token, later } = await opened;
    const user = await account();
    await verification.request(user.id, somewhere());
    const link = await token();
    later(DAY - 60_000);
    expect(await verification.peek(link, somewhere())).not.toBeNull();
    later(120_000);
    expect(await verification.peek(link, somewhere())).toBeNull();
    expect(await errorOf(verification.confirm(link, somewhere()))).toEqual(invalid);
    later(-DAY - 60_000);
  });

  test('is refused if wrong, truncated, for another purpose or malformed', async () => {
    const { verification, reset, account, token } = await opened;
    const user = await account();
    await verification.request(user.id, somewhere());
    const link = await token();
    await reset.request({ email: user.email }, somewhere());
    const other = await token();
    for (const wrong of [
      link.slice(0, -1),
      `${link}A`,
      link.toUpperCase(),
      other,
      '',
      '\0',
      '\ud800',
      'x'.repeat(100_000),
    ]) {
      expect(await errorOf(verification.confirm(wrong, somewhere()))).toEqual(invalid);
      expect(await verification.peek(wrong, somewhere())).toBeNull();
    }
    await verification.confirm(link, somewhere());
  });

  test('is invalid once the account is suspended or deleted or has another address', async () => {
    const { verification, accounts, account, token, mail } = await opened;
    const [suspended, moved, gone] = [await account(), await account(), await account()];
    const links = [];
    for (const user of [suspended, moved, gone]) {
      await verification.request(user.id, somewhere());
      links.push(await token());
    }
    await accounts.suspend(suspended.id, operator);
    await accounts.update(moved.id, { email: newEmail() }, operator);
    await accounts.remove(gone.id, operator);
    for (const link of links) {
      expect(await verification.peek(link, somewhere())).toBeNull();
      expect(await errorOf(verification.confirm(link, somewhere()))).toEqual(invalid);
    }
    expect(await errorOf(verification.request(suspended.id, somewhere()))).toEqual({
      code: 'account_suspended',
    });
    expect(await errorOf(verification.request(gone.id, somewhere()))).toEqual({ code: 'user_not_found' });
    const told = (await mail()).map(({ kind }) => kind);
    expect(told.sort()).toEqual(['account-deleted', 'email-changed']);
  });
});

describe('a change of address', () => {
  test('takes effect once the new one is verified, and the old one is notified twice', async () => {
    const { verification, account, users, mail } = await opened;
    const user = await account({ emailVerified: true });
    const email = newEmail();
    await verification.requestChange(user.id, email, somewhere());
    expect((await users.findById(user.id))?.email).toBe(user.email);
    const [toNew, toOld, ...none] = await mail();
    expect(none).toEqual([]);
    expect(toNew).toMatchObject({ kind: 'verify-email', to: email, person: null });
    const masked = `${email[0]}…@example.com`;
    expect(toOld).toMatchObject({
      kind: 'email-change-requested',
      to: user.email,
      person: 'Zoë',
      email: masked,
    });

    const link = toNew && 'link' in toNew ? toNew.link.token : '';
    expect(await verification.peek(link, somewhere())).toMatchObject({
      user: { id: user.id, email: user.email },
      email,
      isMove: true,
    });
    const { changed, user: after } = await verification.confirm(link, somewhere());
    expect({ changed, email: after.email }).toEqual({ changed: true, email });
    expect((await users.findByEmailKey(email))?.emailVerifiedAt).toBeInstanceOf(Date);
    expect(await users.findByEmailKey(user.email)).toBeNull();
    expect(await mail()).toMatchObject([{ kind: 'email-changed', to: user.email, email: masked }]);
    expect(await typesOf(user.id)).toEqual(['email.changed', 'email.change_requested', 'user.created']);
  });

  test('to a taken address notifies only the owner of that address', async () => {
    const { verification, account, mail } = await opened;
    const [user, holder] = [await account({ emailVerified: true }), await account({ emailVerified: true })];
    await verification.requestChange(user.id, holder.email.toUpperCase(), somewhere());
    const messages = await mail();
    expect(messages.map(({ kind, to }) => [kind, to])).toEqual([
      ['account-exists', holder.email],
      ['email-change-requested', user.email],
    ]);
    // At most once an hour, however often it is tried.
    await verification.requestChange(user.id, holder.email, somewhere());
    expect((await mail()).map(({ kind }) => kind)).toEqual(['email-change-requested']);
  });

  test('is refused at the end if somebody else was faster', async () => {
    const { verification, account, users, mail } = await opened;
    const user = await account();
    const email = newEmail();
    await verification.requestChange(user.id, email, somewhere());
    const [message] = await mail();
    const link = message && 'link' in message ? message.link.token : '';
    const holder = await account({ email });
    expect(await errorOf(verification.confirm(link, somewhere()))).toEqual({
      code: 'email_taken',
      field: 'email',
    });
    expect((await users.findByEmailKey(email))?.id).toBe(holder.id);
    expect((await users.findById(user.id))?.email).toBe(user.email);
    expect(await mail()).toEqual([]);
  });

  test.each(['password', 'email', 'another change'])(
    'is cancelled by a change before it: %s',
    async (which) => {
      const { verification, accounts, account, mail, users } = await opened;
      const user = await account();
      await verification.requestChange(user.id, newEmail(), somewhere());
      const [message] = await mail();
      const link = message && 'link' in message ? message.link.token : '';
      if (which === 'password') await accounts.setPassword(user.id, 'another right password', operator);
      if (which === 'email') await accounts.update(user.id, { email: newEmail() }, operator);
      if (which === 'another change') await verification.requestChange(user.id, newEmail(), somewhere());
      const before = (await users.findById(user.id))?.email;
      expect(await errorOf(verification.confirm(link, somewhere()))).toEqual(invalid);
      expect((await users.findById(user.id))?.email).toBe(before);
      await mail();
    },
  );

  test('to the current address verifies it if necessary', async () => {
    const { verification, account, mail } = await opened;
    const user = await account();
    await verification.requestChange(user.id, user.email, somewhere());
    expect((await mail()).map(({ kind }) => kind)).toEqual(['verify-email']);
    const verified = await account({ emailVerified: true });
    await verification.requestChange(verified.id, verified.email, somewhere());
    expect(await mail()).toEqual([]);
  });

  test('is cancelled by requesting the current address', async () => {
    const { verification, account, users, mail } = await opened;
    const user = await account({ emailVerified: true });
    await verification.requestChange(user.id, newEmail(), somewhere());
    const [message] = await mail();
    const link = message && 'link' in message ? message.link.token : '';
    await verification.requestChange(user.id, user.email, somewhere());
    expect(await verification.peek(link, somewhere())).toBeNull();
    expect(await errorOf(verification.confirm(link, somewhere()))).toEqual(invalid);
    expect((await users.findById(user.id))?.email).toBe(user.email);
  });

  test('needs an address', async () => {
    const { verification, account } = await opened;
    const { id } = await account();
    for (const email of ['', 'nobody', 'a@b', 'a\0@example.com', `${'x'.repeat(300)}@example.com`]) {
      expect(await errorOf(verification.requestChange(id, email, somewhere()))).toMatchObject({
        code: 'invalid_email',
      });
    }
  });
});

test('verification mail cannot be used to flood an address', async () => {
  const { verification, account, mail } = await opened;
  const email = newEmail();
  const outcomes: unknown[] = [];
  for (let index = 0; index < 12; index += 1) {
    const { id } = await account();
    outcomes.push((await errorOf(verification.requestChange(id, email, somewhere())))['code']);
  }
  expect(outcomes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'none'));
  expect(outcomes.slice(10)).toEqual(['rate_limited', 'rate_limited']);
  await mail();
});
