import { describe, expect, test } from '@jest/globals';
import argon2 from 'argon2';
import { newUuid } from '../../src/core/ids.ts';
import { audit } from '../../src/storage/audit.ts';
import { at, errorOf, newEmail, openDomain, openStores, operator } from './harness.ts';

const PASSWORD = 'the right password';
const stores = openStores();
const opened = openDomain({}, stores);
const person = at('203.0.113.1');

const make = async (more: { username?: string; password?: string | null; roles?: string[] } = {}) =>
  (await opened).accounts.create({ email: newEmail(), password: PASSWORD, ...more }, operator);

/** The newest event about `subject`. */
const lastEvent = async (subject: string) => (await audit.list({ limit: 1, subject }))[0];
const newName = () => `n${newUuid().slice(0, 12)}`;

describe('registration of an account', () => {
  test('creates it with the role user and audits that', async () => {
    const { accounts, users } = await opened;
    const email = `Some.Body.${newUuid()}@Example.com`;
    const user = await accounts.register(
      { email, password: PASSWORD, username: newName(), name: 'Some Body', locale: 'de-at' },
      person,
    );
    expect(user).toMatchObject({
      email,
      name: 'Some Body',
      locale: 'de-AT',
      roles: ['user'],
      status: 'active',
    });
    expect(user).toMatchObject({ emailVerifiedAt: null, hasPassword: true, lastLoginAt: null });
    expect(Number.isInteger(user.number)).toBe(true);
    expect(user).not.toHaveProperty('passwordHash');
    expect(await argon2.verify((await users.findById(user.id))!.passwordHash!, PASSWORD)).toBe(true);
    expect(await lastEvent(user.id)).toMatchObject({
      type: 'user.created',
      outcome: 'success',
      actor: person,
    });
  });

  test('ignores roles, status and verification in the input', async () => {
    const { accounts } = await opened;
    const wish = {
      email: newEmail(),
      password: PASSWORD,
      roles: ['admin'],
      emailVerified: true,
      status: 'x',
    };
    const user = await accounts.register(wish, person);
    expect(user).toMatchObject({ roles: ['user'], emailVerifiedAt: null, status: 'active' });
  });

  test('creates one account of twenty parallel ones with the same address', async () => {
    const { accounts, pool } = await opened;
    const email = newEmail();
    const tries = Array.from({ length: 20 }, (_, index) =>
      errorOf(
        accounts.register({ email: index % 2 ? email : email.toUpperCase(), password: PASSWORD }, person),
      ),
    );
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(outcomes.filter(({ code, field }) => code === 'email_taken' && field === 'email')).toHaveLength(
      19,
    );
    const { rows } = await pool.query('select id from users where email_key = $1', [email]);
    expect(rows).toHaveLength(1);
  });

  test('creates one account of twenty parallel ones with the same username', async () => {
    const { accounts } = await opened;
    const username = newName();
    const tries = Array.from({ length: 20 }, (_, index) =>
      errorOf(
        accounts.register(
          { email: newEmail(), username: index % 2 ? username : username.toUpperCase(), password: PASSWORD },
          person,
        ),
      ),
    );
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(outcomes.filter(({ code }) => code === 'username_taken')).toHaveLength(19);
  });

  test.each([
    [{ email: 'nobody' }, 'invalid_email'],
    [{ username: 'no spaces' }, 'invalid_username'],
    [{ password: 'short' }, 'weak_password'],
    [{ password: 'nul\0password' }, 'weak_password'],
    [{ name: 'nul\0name' }, 'invalid_request'],
    [{ locale: '?' }, 'invalid_request'],
    [{ username: 'wonderland', password: 'wonderland1' }, 'weak_password'],
  ])('refuses %j without writing anything: %s', async (wrong, code) => {
    const { accounts, pool } = await opened;
    const count = async () => (await pool.query('select count(*) from users')).rows[0];
    const before: unknown = await count();
    const registration = { email: newEmail(), password: PASSWORD, ...wrong };
    expect(await errorOf(accounts.register(registration, person))).toMatchObject({ code });
    expect(await count()).toEqual(before);
  });

  test('can be closed, except for operators', async () => {
    const { accounts } = await openDomain({ registration: { open: false } }, stores);
    expect(await errorOf(accounts.register({ email: newEmail(), password: PASSWORD }, person))).toEqual({
      code: 'forbidden',
    });
    const user = await accounts.create(
      { email: newEmail(), roles: ['admin', 'admin'], emailVerified: true },
      operator,
    );
    expect(user).toMatchObject({ roles: ['admin'], hasPassword: false });
    expect(user.emailVerifiedAt).toBeInstanceOf(Date);
    expect(await errorOf(accounts.create({ email: newEmail(), roles: ['root'] }, operator))).toEqual({
      code: 'invalid_request',
      field: 'roles',
      reason: 'names a role that does not exist: root',
    });
  });
});

describe('finding an account', () => {
  test('works by id, number, address and username', async () => {
    const { accounts } = await opened;
    const username = newName();
    const user = await make({ username });
    expect(await accounts.find(user.id)).toEqual(user);
    expect(await accounts.findByNumber(user.number)).toEqual(user);
    expect(await accounts.findByEmail(user.email.toUpperCase())).toEqual(user);
    expect(await accounts.findByUsername(username.toUpperCase())).toEqual(user);
  });

  test('finds nothing by an invalid name', async () => {
    const { accounts } = await opened;
    const found = await Promise.all([
      accounts.find('not-an-id'),
      accounts.find(newUuid()),
      accounts.findByNumber(-1),
      accounts.findByNumber(2 ** 40),
      accounts.findByNumber(1.5),
      accounts.findByEmail('nul\0@example.com'),
      accounts.findByUsername('half\ud83d'),
    ]);
    expect(found.every((user) => user === null)).toBe(true);
  });

  test('lists page by page', async () => {
    const { accounts } = await opened;
    for (let index = 0; index < 5; index += 1) await make();
    const all = await accounts.list({ limit: 1000 });
    const paged = [];
    for (let after; ; after = paged.at(-1)?.id) {
      const page = await accounts.list({ limit: 3, ...(after === undefined ? {} : { after }) });
      if (page.length === 0) break;
      paged.push(...page);
    }
    expect(paged).toEqual(all);
    expect(all.map(({ createdAt }) => createdAt.getTime())).toEqual(
      all.map(({ createdAt }) => createdAt.getTime()).sort((one, other) => one - other),
    );
  });
});

describe('a change of an account', () => {
  test('sets the given fields, removes those that are null and keeps the others', async () => {
    const { accounts } = await opened;
    const user = await make({ username: newName() });
    await accounts.update(user.id, { name: 'First', givenName: 'F' }, operator);
    const after = await accounts.update(
      user.id,
      { name: null, familyName: 'Last', username: null },
      operator,
    );
    expect(after).toMatchObject({
      name: null,
      givenName: 'F',
      familyName: 'Last',
      username: null,
      email: user.email,
    });
    expect(await lastEvent(user.id)).toMatchObject({
      type: 'user.updated',
      details: {
        fields: ['username', 'name', 'familyName'],
        before: { username: user.username, name: 'First', familyName: null },
        after: { username: null, name: null, familyName: 'Last' },
      },
    });
    expect(JSON.stringify(await lastEvent(user.id))).not.toMatch(/key|hash/i);
  });

  test('of the address makes it unverified, unless it stays the same', async () => {
    const { accounts } = await opened;
    const user = await accounts.create({ email: newEmail(), emailVerified: true }, operator);
    const same = await accounts.update(user.id, { email: user.email.toUpperCase() }, operator);
    expect(same.emailVerifiedAt).not.toBeNull();
    const other = await accounts.update(user.id, { email: newEmail() }, operator);
    expect(other.emailVerifiedAt).toBeNull();
    const verified = await accounts.update(user.id, { email: newEmail(), emailVerified: true }, operator);
    expect(verified.emailVerifiedAt).not.toBeNull();
  });

  test('is made completely or not at all', async () => {
    const { accounts, ended } = await opened;
    const [user, other] = [await make(), await make()];
    const changes = { name: 'New', email: other.email, password: 'another good password' };
    expect(await errorOf(accounts.update(user.id, changes, operator))).toMatchObject({ code: 'email_taken' });
    expect(await accounts.find(user.id)).toEqual(user);
    expect(ended).not.toContain(user.id);
    expect(await lastEvent(user.id)).toMatchObject({ type: 'user.created' });
  });

  test('that does not exist is refused', async () => {
    const { accounts } = await opened;
    for (const id of [newUuid(), 'not-an-id', '']) {
      for (const work of [
        () => accounts.update(id, { name: 'x' }, operator),
        () => accounts.setPassword(id, PASSWORD, operator),
        () => accounts.changePassword(id, PASSWORD, PASSWORD, operator),
        () => accounts.suspend(id, operator),
        () => accounts.reactivate(id, operator),
        () => accounts.remove(id, operator),
      ]) {
        expect(await errorOf(work())).toEqual({ code: 'user_not_found' });
      }
    }
  });
});

describe('a password of an account', () => {
  const NEXT = 'another good password';

  test('is changed with the current password, which ends all sessions', async () => {
    const { accounts, login, ended } = await opened;
    const { id, email } = await make();
    await accounts.changePassword(id, PASSWORD, NEXT, person);
    expect(ended.filter((one) => one === id)).toHaveLength(1);
    expect(await lastEvent(id)).toMatchObject({ type: 'password.changed', actor: person });
    expect(await errorOf(login({ email, password: PASSWORD, actor: person }))).toEqual({
      code: 'invalid_credentials',
    });
    expect((await login({ email, password: NEXT, actor: person })).user.passwordChangedAt).not.toBeNull();
  });

  test('is not changed with a wrong current password, and guessing that is slowed down', async () => {
    const { accounts, ended } = await opened;
    const { id } = await make();
    for (const current of ['wrong', '', null, 'nul\0', 'half\ud83d']) {
      expect(await errorOf(accounts.changePassword(id, current, NEXT, person))).toEqual({
        code: 'invalid_credentials',
        field: 'current',
      });
    }
    for (const spelling of [id, id.toUpperCase()]) {
      expect(await errorOf(accounts.changePassword(spelling, PASSWORD, NEXT, person))).toMatchObject({
        code: 'account_locked',
      });
    }
    expect(ended).not.toContain(id);
  });

  test('is changed once by two parallel changes', async () => {
    const { accounts, ended } = await opened;
    const { id } = await make();
    const tries = Array.from({ length: 10 }, (_, index) =>
      errorOf(accounts.changePassword(id, PASSWORD, `${NEXT} ${index}`, person)),
    );
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(ended.filter((one) => one === id)).toHaveLength(1);
  });

  test('is set without a current one if there is none', async () => {
    const { accounts, login } = await opened;
    const { id, email } = await make({ password: null });
    expect(await errorOf(accounts.changePassword(id, 'anything', NEXT, person))).toMatchObject({
      code: 'invalid_credentials',
    });
    expect((await accounts.changePassword(id, null, NEXT, person)).hasPassword).toBe(true);
    await login({ email, password: NEXT, actor: at('203.0.113.9') });
  });

  test('must meet the policy', async () => {
    const { accounts } = await opened;
    const username = newName();
    const { id, email } = await make({ username });
    for (const next of ['short', 'password123', `${username}1`, `${email.split('@')[0]}!`]) {
      expect(await errorOf(accounts.changePassword(id, PASSWORD, next, person))).toMatchObject({
        code: 'weak_password',
      });
      expect(await errorOf(accounts.setPassword(id, next, operator))).toMatchObject({
        code: 'weak_password',
      });
    }
  });

  test('is set by an operator, which ends all sessions', async () => {
    const { accounts, login, ended } = await opened;
    const { id, email } = await make();
    await accounts.setPassword(id, NEXT, operator);
    expect(ended).toContain(id);
    expect(await lastEvent(id)).toMatchObject({ type: 'password.changed', actor: operator });
    await login({ email, password: NEXT, actor: at('203.0.113.10') });
  });
});

describe('suspension or deletion of an account', () => {
  test('ends all sessions, once', async () => {
    const { accounts, ended } = await opened;
    const { id } = await make();
    expect((await accounts.suspend(id, operator)).status).toBe('suspended');
    expect(await lastEvent(id)).toMatchObject({ type: 'user.suspended', actor: operator });
    await accounts.suspend(id, operator);
    expect(ended.filter((one) => one === id)).toHaveLength(1);
    expect(await errorOf(accounts.changePassword(id, PASSWORD, 'another good password', person))).toEqual({
      code: 'account_suspended',
    });
    expect((await accounts.reactivate(id, operator)).status).toBe('active');
    expect(await lastEvent(id)).toMatchObject({ type: 'user.reactivated' });

    await accounts.remove(id.toUpperCase(), operator);
    expect(await accounts.find(id)).toBeNull();
    expect(ended.filter((one) => one === id)).toHaveLength(2);
    // A pseudonym has replaced the account's id.
    expect(await lastEvent(id)).toBeUndefined();
    const [last] = await audit.list({ limit: 1 });
    expect(last).toMatchObject({ type: 'user.deleted', actor: operator, subject: expect.any(String) });
    const about = await audit.list({ limit: 10, subject: last?.subject ?? '' });
    expect(about.map(({ type }) => type)).toContain('user.suspended');
    expect(await errorOf(accounts.remove(id, operator))).toEqual({ code: 'user_not_found' });
  });

  test('frees its names', async () => {
    const { accounts } = await opened;
    const username = newName();
    const { id, email } = await make({ username });
    await accounts.remove(id, operator);
    await accounts.create({ email, username }, operator);
  });
});
