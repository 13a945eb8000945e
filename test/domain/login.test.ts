import { describe, expect, test } from '@jest/globals';
import argon2 from 'argon2';
import { audit } from '../../src/storage/audit.ts';
import { startRedis } from '../support/redis.ts';
import { at, errorOf, newEmail, openDomain, openStores, operator, passwords } from './harness.ts';

const PASSWORD = 'the right password';
const stores = openStores();
const opened = openDomain({}, stores);

let place = 0;
/** An address that was never used. */
const somewhere = () => at(`10.0.${Math.floor((place += 1) / 250)}.${place % 250}`);

async function account(more: { username?: string; password?: string | null } = {}) {
  const email = newEmail();
  const { accounts } = await opened;
  return accounts.create({ email, password: PASSWORD, ...more }, operator);
}

describe('a login', () => {
  test('returns the account, amr and auth_time', async () => {
    const { login } = await opened;
    const { id, email } = await account();
    const before = Math.floor(Date.now() / 1000);
    const { user, amr, authTime } = await login({ email, password: PASSWORD, actor: somewhere() });
    expect(user).toMatchObject({ id, email, hasPassword: true, status: 'active', roles: ['user'] });
    expect(user).not.toHaveProperty('passwordHash');
    expect(amr).toEqual(['pwd']);
    expect(authTime).toBeGreaterThanOrEqual(before);
    expect(user.lastLoginAt?.getTime()).toBeGreaterThanOrEqual(before * 1000);
  });

  test('accepts the email address or username in any spelling', async () => {
    const { login } = await opened;
    const email = newEmail();
    const username = `Zoë.${email.slice(1, 9)}`;
    await (await opened).accounts.create({ email, username, password: PASSWORD }, operator);
    for (const identifier of [
      email,
      email.toUpperCase(),
      ` ${email}\n`,
      username,
      username.normalize('NFD').toUpperCase(),
    ]) {
      const { user } = await login({ identifier, password: PASSWORD, actor: somewhere() });
      expect(user.username).toBe(username);
    }
    expect(await errorOf(login({ email: username, password: PASSWORD, actor: somewhere() }))).toEqual({
      code: 'invalid_credentials',
    });
  });

  test('is audited and does not change updatedAt', async () => {
    const { login, users } = await opened;
    const { id, email, updatedAt } = await account();
    const actor = somewhere();
    await login({ email, password: PASSWORD, actor });
    const record = await users.findById(id);
    expect(record?.lastLoginAt).toBeInstanceOf(Date);
    expect(record?.updatedAt).toEqual(updatedAt);
    const [event] = await audit.list({ limit: 1, subject: id });
    expect(event).toMatchObject({
      type: 'login',
      outcome: 'success',
      details: { amr: ['pwd'] },
      actor: { ...actor, kind: 'user', id },
    });
  });

  test('renews the hash when the parameters have changed', async () => {
    const { users, pool } = await opened;
    const { id, email } = await account();
    const old = (await users.findById(id))?.passwordHash;
    const today = { ...passwords, argon2: { memory: 128, time: 1, parallelism: 1 } };
    const domain = await openDomain({ passwords: today }, stores);
    await domain.login({ email, password: PASSWORD, actor: somewhere() });
    const { passwordHash, passwordChangedAt } = (await users.findById(id))!;
    expect(passwordHash).toMatch(/^\$argon2id\$v=19\$m=128,/);
    expect(await argon2.verify(passwordHash!, PASSWORD)).toBe(true);
    expect(passwordChangedAt).not.toBeNull();
    await domain.login({ email, password: PASSWORD, actor: somewhere() });
    expect((await users.findById(id))?.passwordHash).toBe(passwordHash);
    expect(old).toMatch(/^\$argon2id\$v=19\$m=64,/);

    // Parallel logins with the old hash: the first one writes, the others still succeed.
    await pool.query('update users set password_hash = $1 where id = $2', [old, id]);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        errorOf(domain.login({ email, password: PASSWORD, actor: at('10.9.9.9') })),
      ),
    );
    expect(outcomes).toEqual(Array.from({ length: 8 }, () => ({ code: 'none' })));
  });

  test('fails if the password changes meanwhile', async () => {
    const { login, accounts, pool, ended } = await opened;
    const { id, email } = await account();
    const client = await pool.connect();
    await client.query('begin');
    // The change is made but not committed.
    await client.query(
      'update users set password_hash = $1, security_version = security_version + 1 where id = $2',
      [await argon2.hash('something else'), id],
    );
    const under = errorOf(login({ email, password: PASSWORD, actor: somewhere() }));
    for (;;) {
      const { rows } = await pool.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      if (rows.length > 0) break;
    }
    await client.query('commit');
    client.release();
    expect(await under).toEqual({ code: 'invalid_credentials' });
    expect((await accounts.find(id))?.lastLoginAt).toBeNull();
    expect(ended).not.toContain(id);
  });
});

describe('a refused login', () => {
  test.each([
    'wrong password',
    'unknown email',
    'unknown username',
    'no password',
    'suspended, wrong password',
  ])('costs one hash and gets the same answer: %s', async (which) => {
    const { login, accounts, hashed, outcomes } = await opened;
    const user = await account(which === 'no password' ? { password: null } : {});
    if (which === 'suspended, wrong password') await accounts.suspend(user.id, operator);
    const typed = {
      'unknown email': { email: newEmail() },
      'unknown username': { identifier: `nobody${place}` },
    }[which] ?? { email: user.email };
    const before = hashed();
    const password = which === 'no password' ? PASSWORD : 'a wrong password';
    expect(await errorOf(login({ ...typed, password, actor: somewhere() }))).toEqual({
      code: 'invalid_credentials',
    });
    expect(hashed() - before).toBe(1);
    expect(outcomes.at(-1)).toBe('invalid_credentials');
  });

  test('in one request is refused while the password has to be replaced, others lead to that', async () => {
    const { login, beginLogin, pool } = await opened;
    const { id, email } = await account();
    await pool.query('update users set password_change_required = true where id = $1', [id]);
    const request = { email, password: PASSWORD, actor: somewhere() };
    expect(await errorOf(login(request))).toEqual({ code: 'invalid_credentials' });
    expect(await beginLogin(request)).toMatchObject({ user: { id }, renewalRequired: true });
  });

  test('reveals a suspension only after the right password', async () => {
    const { login, accounts, outcomes } = await opened;
    const { id, email } = await account();
    await accounts.suspend(id, operator);
    expect(await errorOf(login({ email, password: PASSWORD, actor: somewhere() }))).toEqual({
      code: 'account_suspended',
    });
    expect(outcomes.at(-1)).toBe('account_suspended');
    const [event] = await audit.list({ limit: 1, subject: id });
    expect(event).toMatchObject({
      type: 'login',
      outcome: 'failure',
      details: { reason: 'account_suspended' },
    });
    await accounts.reactivate(id, operator);
    await login({ email, password: PASSWORD, actor: somewhere() });
  });

  test.each([
    [undefined, undefined],
    [null, null],
    [42, 42],
    [{ $ne: null }, ['x']],
    ['', ''],
    ['x'.repeat(1_000_000), 'y'.repeat(1_000_000)],
    ['nul\0@example.com', 'nul\0password'],
    ['half\ud83d@example.com', 'half\udc00 password'],
    ["'; drop table users; --", "' or 1=1; --"],
  ])('survives any input: %#', async (identifier, password) => {
    const { login, hashed } = await opened;
    const { email } = await account();
    const before = hashed();
    const refused = { code: 'invalid_credentials' };
    expect(await errorOf(login({ identifier, password, actor: somewhere() }))).toEqual(refused);
    expect(await errorOf(login({ email: identifier, password, actor: somewhere() }))).toEqual(refused);
    expect(await errorOf(login({ email, password, actor: somewhere() }))).toEqual(refused);
    expect(hashed() - before).toBe(3);
  });

  test('is audited with the account, and for an unknown account without the input', async () => {
    const { login } = await opened;
    const { id, email } = await account();
    await errorOf(login({ email, password: 'a wrong password', actor: somewhere() }));
    const [known] = await audit.list({ limit: 1, subject: id });
    expect(known).toMatchObject({
      type: 'login',
      outcome: 'failure',
      details: { reason: 'invalid_credentials' },
    });

    const actor = somewhere();
    await errorOf(login({ identifier: 'my-actual-password', password: 'my-actual-password', actor }));
    const [unknown] = await audit.list({ limit: 1 });
    expect(unknown).toMatchObject({
      outcome: 'failure',
      subject: null,
      details: { reason: 'unknown_account' },
      actor,
    });
    expect(JSON.stringify(await audit.list({ limit: 1000 }))).not.toContain('my-actual');
  });
});

test('logins beyond the queue’s limit are told to retry and not counted as failures', async () => {
  const { email } = await account();
  const domain = await openDomain(
    { passwords: { ...passwords, hashing: { concurrency: 1, queue: 2 } } },
    stores,
  );
  const actor = somewhere();
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, () => errorOf(domain.login({ email, password: PASSWORD, actor }))),
  );
  const overloaded = outcomes.filter(({ code }) => code === 'overloaded');
  expect(overloaded.length).toBeGreaterThan(0);
  for (const { retryAfter } of overloaded) expect(retryAfter).toBeGreaterThanOrEqual(1);
  expect(outcomes.every(({ code }) => code === 'none' || code === 'overloaded')).toBe(true);
  await domain.login({ email, password: PASSWORD, actor });
});

test('without their counters logins are refused, until the counters are back', async () => {
  const { email } = await account();
  const server = await startRedis();
  const { databaseUrl } = await stores;
  const domain = await openDomain({}, Promise.resolve({ databaseUrl, redisUrl: server.url }));
  const request = { email, password: PASSWORD, actor: somewhere() };
  await domain.login(request);
  await server.stop();
  expect(await errorOf(domain.login(request))).toEqual({ code: 'unavailable' });
  expect(domain.outcomes).toEqual(['success', 'unavailable']);
  await server.start();
  while ((await errorOf(domain.login(request)))['code'] !== 'none') {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
