import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Secrets } from '../../../src/core/secrets.ts';
import { createForeignHashes, type ForeignHash } from '../../../src/domain/passwords/foreign.ts';
import { at, errorOf, newEmail, openDomain, operator, passwords } from '../harness.ts';

const opened = openDomain();

const hashes = (async () => {
  const { stores, hasher } = await opened;
  const secrets = new Secrets('the secrets of hashes that are only tried out');
  return createForeignHashes({ secrets, store: stores.passwordHashSecrets, hasher });
})();

let place = 0;
const somewhere = () => at(`10.1.${Math.floor((place += 1) / 250)}.${place % 250}`);

const vectors = ['tools.json', 'made.json'].flatMap(
  (file) =>
    JSON.parse(readFileSync(new URL(`vectors/${file}`, import.meta.url), 'utf8')) as (ForeignHash & {
      password: string;
    })[],
);

/** The vector that starts like this. */
function vector(start: string) {
  const found = vectors.find(({ hash }) => hash.startsWith(start));
  if (!found) throw new Error(`no vector begins with ${start}`);
  return found;
}

async function stored(given: ForeignHash): Promise<string> {
  const read = await (await hashes).read(given);
  if (!read.ok || !('stored' in read)) throw new Error(`not taken: ${JSON.stringify(read)}`);
  return read.stored;
}

const hashOf = async (id: string) => (await (await opened).users.findById(id))?.passwordHash ?? null;

/** An account with `hash` as stored by an import. */
async function imported(hash: string) {
  const { accounts, pool } = await opened;
  const user = await accounts.create({ email: newEmail(), password: null }, operator);
  await pool.query("update users set password_hash = $2, password_changed_at = '2020-02-02' where id = $1", [
    user.id,
    hash,
  ]);
  return user;
}

const TODAY = /^\$argon2id\$v=19\$m=64,t=1,p=1\$/;

describe('a login with a hash from another system', () => {
  test.each([
    '$2y$10$',
    '$wp$',
    '$P$B',
    '$apr1$',
    '{SSHA}',
    'AGXf',
    '$hmac-sha256$',
    '$firescrypt$',
    '*0936',
    '$2a$10$Q7nv',
  ])('succeeds and replaces it by argon2id with current parameters: %s', async (start) => {
    const { login, users } = await opened;
    const { password, ...given } = vector(start);
    const { id, email } = await imported(await stored(given));
    const before = await users.findById(id);
    expect(await errorOf(login({ email, password: `x${password}`, actor: somewhere() }))).toEqual({
      code: 'invalid_credentials',
    });
    expect(await hashOf(id)).toBe(before?.passwordHash);
    await login({ email, password, actor: somewhere() });
    const after = await users.findById(id);
    expect(after?.passwordHash).toMatch(TODAY);
    expect(after?.passwordChangedAt).toEqual(before?.passwordChangedAt);
    expect(after?.securityVersion).toBe(before?.securityVersion);
    await login({ email, password, actor: somewhere() });
    expect(await hashOf(id)).toBe(after?.passwordHash);
  });

  test('accepts passwords of one character to 4,096 bytes, without NUL', async () => {
    const { login } = await opened;
    const short = vectors.filter(({ password }) => password.length === 1);
    expect(short.length).toBeGreaterThan(1);
    for (const { password, ...given } of short) {
      const { email } = await imported(await stored(given));
      await login({ email, password, actor: somewhere() });
      await login({ email, password, actor: somewhere() });
    }
    const long = vectors.filter(({ password }) => password.length === 4096);
    expect(long.length).toBeGreaterThan(4);
    for (const { password, ...given } of long) {
      const { email } = await imported(await stored(given));
      const wrong = `${password.slice(0, 40)}y${password.slice(41)}`;
      expect(await errorOf(login({ email, password: wrong, actor: somewhere() }))).toEqual({
        code: 'invalid_credentials',
      });
      await login({ email, password, actor: somewhere() });
    }
  });

  test('accepts both forms of a password that NFKC changes, also later', async () => {
    const { login, hasher } = await opened;
    const { default: argon2 } = await import('argon2');
    const typed = 'cafe\u0301 \ufb01ne';
    // Hashed by another system with the same parameters as here.
    const { memory, time, parallelism } = passwords.argon2;
    const hash = (
      await argon2.hash(typed, { type: 2, memoryCost: memory, timeCost: time, parallelism })
    ).replace('p=1,t=1', 't=1,p=1');
    const { email } = await imported(await stored({ hash }));
    await login({ email, password: typed, actor: somewhere() });
    await login({ email, password: typed, actor: somewhere() });
    expect(await hasher.verify(await hasher.hash(typed), typed.normalize('NFKC'))).toBe(true);
  });

  test('from WordPress succeeds with and without the spaces that it trims, as long as they are typed', async () => {
    const { login } = await opened;
    for (const start of ['$wp$', '$P$B']) {
      const { password, hash } = vector(start);
      const { id, email } = await imported(hash);
      await login({ email, password: ` ${password}\n`, actor: somewhere() });
      await login({ email, password: ` ${password}\n`, actor: somewhere() });
      expect(await hashOf(id)).toBe(hash);
      await login({ email, password, actor: somewhere() });
      expect(await hashOf(id)).toMatch(TODAY);
    }
  });

  test('renews the hash once, with other logins in parallel', async () => {
    const { login } = await opened;
    const { password, hash } = vector('{SSHA}');
    const { id, email } = await imported(hash);
    await Promise.all(Array.from({ length: 8 }, () => login({ email, password, actor: somewhere() })));
    expect(await hashOf(id)).toMatch(TODAY);
    await login({ email, password, actor: somewhere() });
  });

  test('renews the hash before the second factor', async () => {
    const { login, stores } = await opened;
    const { password, hash } = vector('{SSHA}');
    const { id, email } = await imported(hash);
    await stores.pool.query(
      `insert into passkeys (id, account_id, name, credential_id, public_key, counter, transports, backed_up)
       values ($1, $2, 'a key', 'its id', '', 0, '{}', false)`,
      [randomUUID(), id],
    );
    expect(await errorOf(login({ email, password: 'wrong', actor: somewhere() }))).toEqual({
      code: 'invalid_credentials',
    });
    expect(await hashOf(id)).toBe(hash);
    expect(await errorOf(login({ email, password, actor: somewhere() }))).toMatchObject({
      code: 'mfa_required',
    });
    expect(await hashOf(id)).toMatch(TODAY);
  });

  test('never reverts a password changed meanwhile', async () => {
    const { login, accounts, hasher } = await opened;
    const { password, hash } = vector('{SSHA}');
    for (let round = 0; round < 5; round += 1) {
      const { id, email } = await imported(hash);
      const next = `${randomUUID()} anew`;
      const [changed] = await Promise.allSettled([
        accounts.changePassword(id, password, next, somewhere()),
        login({ email, password, actor: somewhere() }),
        login({ email, password, actor: somewhere() }),
      ]);
      // A login that renews the hash does not count as a new password.
      expect(changed.status).toBe('fulfilled');
      expect(await hasher.verify((await hashOf(id)) ?? '', next)).toBe(true);
      expect(await errorOf(login({ email, password, actor: somewhere() }))).toEqual({
        code: 'invalid_credentials',
      });
    }
  });

  test('reveals a suspension only after the right password, and keeps the hash', async () => {
    const { login, pool } = await opened;
    const { password, hash } = vector('{SSHA}');
    const { id, email } = await imported(hash);
    await pool.query("update users set status = 'suspended' where id = $1", [id]);
    expect(await errorOf(login({ email, password: 'wrong', actor: somewhere() }))).toEqual({
      code: 'invalid_credentials',
    });
    expect(await errorOf(login({ email, password, actor: somewhere() }))).toEqual({
      code: 'account_suspended',
    });
    expect(await hashOf(id)).toBe(hash);
  });

  test('is refused like a wrong password if the stored hash is unreadable', async () => {
    const { login } = await opened;
    for (const hash of [
      'nonsense',
      '$postern$f=hmac,k=gone$eyJhbGdvcml0aG0iOiJtZDUiLCJrZXkiOnRydWV9$00',
      '$postern$',
      '$2b$99$x',
      '$wrapped$',
      '$postern$f=digest$bm90IGpzb24$00',
    ]) {
      const { email } = await imported(hash);
      expect(await errorOf(login({ email, password: 'a password', actor: somewhere() }))).toEqual({
        code: 'invalid_credentials',
      });
    }
  });
});

describe('a weak hash', () => {
  test.each([
    '{SSHA}',
    '$P$B',
    'AGXf',
    '$hmac-sha256$',
    '$2x$08$',
    '*0936',
    '$1$',
    '$5$rounds=1000$',
    'U$S$',
    '$p5k2$',
    'sha1$',
    '{MD4}',
  ])('is wrapped, unwrapped for an export, and still verifies: %s', async (start) => {
    const { login } = await opened;
    const { wrapWeak, formatOf, give } = await hashes;
    const { password, ...given } = vector(start);
    const wrapped = await wrapWeak(await stored(given));
    expect(wrapped).toMatch(/\$argon2id\$/);
    expect(formatOf(wrapped)).toBe('wrapped');
    expect(await wrapWeak(wrapped)).toBe(wrapped);
    // The digest itself is gone.
    for (const part of given.hash.split(/[${}]/).filter((one) => one.length > 20))
      expect(wrapped).not.toContain(part);
    expect(await stored(await give(wrapped))).toBe(wrapped);
    const { id, email } = await imported(wrapped);
    expect(await errorOf(login({ email, password: `x${password}`, actor: somewhere() }))).toEqual({
      code: 'invalid_credentials',
    });
    await login({ email, password, actor: somewhere() });
    expect(await hashOf(id)).toMatch(TODAY);
  });

  test('is the only kind that is wrapped', async () => {
    const { wrapWeak } = await hashes;
    const { hash } = vector('$2y$10$');
    expect(await wrapWeak(hash)).toBe(hash);
    const own = await (await opened).hasher.hash('a password');
    expect(await wrapWeak(own)).toBe(own);
  });

  test('from elsewhere cannot demand excessive cost', async () => {
    const { read } = await hashes;
    const phc = '$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA';
    const salt = { $: 'AAAA' };
    const code = async (recipe: object) => {
      const hash = `$wrapped$${Buffer.from(JSON.stringify([recipe])).toString('base64url')}${phc}`;
      const answer = await read({ hash });
      return answer.ok ? 'taken' : answer.code;
    };
    const digest = {
      kind: 'digest',
      algorithm: 'md5',
      parts: ['password'],
      salt,
      iterations: 1,
      over: 'digest',
    };
    expect(await code(digest)).toBe('taken');
    expect(await code({ ...digest, iterations: 2 ** 31 })).toBe('hash_malformed');
    expect(await code({ ...digest, keyed: 'key' })).toBe('hash_malformed');
    expect(await code({ ...digest, algorithm: 'none' })).toBe('hash_malformed');
    expect(await code({ kind: 'pbkdf2', algorithm: 'md5', salt, iterations: 2 ** 31, length: 32 })).toBe(
      'hash_malformed',
    );
    expect(await code({ kind: 'scrypt', N: 2 ** 21, r: 2 ** 20, p: 1, salt, length: 32 })).toBe(
      'hash_malformed',
    );
    expect(await code({ kind: 'bcrypt', cost: 31, salt, signed: false })).toBe('hash_malformed');
  });
});

describe('a secret shared by hashes', () => {
  test('is stored once, encrypted, and outside their rows', async () => {
    const { pool } = await opened;
    const { read, give, formatOf } = await hashes;
    const pepper = 'a pepper that all share';
    const given = { hash: vector('$2y$10$').hash, params: { pepper } };
    const [first, second] = await Promise.all([stored(given), stored({ ...given, format: 'devise' })]);
    expect(first).not.toContain(pepper);
    const idOf = (text: string) => /,k=([\w-]+)\$/.exec(text)?.[1];
    expect(idOf(first)).toBe(idOf(second));
    const { rows } = await pool.query<{ secrets: Buffer }>(
      'select secrets from password_hash_secrets where id = $1',
      [idOf(first)],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.secrets.toString('latin1')).not.toContain(pepper);
    expect(rows[0]?.secrets.toString('latin1')).not.toContain(Buffer.from(pepper).toString('base64'));
    expect(await give(first)).toEqual({ ...given, format: 'bcrypt' });
    expect(formatOf(first)).toBe('bcrypt');
    expect(await read({ ...given, params: { pepper: 'another' } }, { dryRun: true })).toMatchObject({
      ok: true,
    });
    const { rows: all } = await pool.query('select id from password_hash_secrets');
    await read({ ...given, params: { pepper: 'another' } }, { dryRun: true });
    expect((await pool.query('select id from password_hash_secrets')).rows).toHaveLength(all.length);
  });
});

test('a plain-text password is to be hashed at once', async () => {
  const { read } = await hashes;
  expect(await read({ hash: 'x', format: 'plain' })).toEqual({ ok: true, plain: 'x', format: 'plain' });
  expect(await read({ hash: '{noop}secret' })).toEqual({ ok: true, plain: 'secret', format: 'plain' });
  expect(await read({ hash: 'secret' })).toMatchObject({ ok: false, code: 'hash_unknown_format' });
});

test('the report names the format of every stored hash', async () => {
  const { formatOf } = await hashes;
  expect(formatOf(await (await opened).hasher.hash('a password'))).toBe('argon2id');
  expect(formatOf('$2b$10$')).toBe('unknown');
  const names = await Promise.all(
    vectors.map(async ({ password: _password, ...given }) => formatOf(await stored(given))),
  );
  expect(new Set(names)).not.toContain('unknown');
});

test('verifying a slow hash leaves the event loop free', async () => {
  const { hasher } = await opened;
  const { hash } = vector('$shiro1$');
  let turns = 0;
  const ticking = setInterval(() => (turns += 1), 1);
  await hasher.verify(hash, 'wrong');
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(10);
});
