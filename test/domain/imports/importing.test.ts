import { beforeAll, describe, expect, it } from '@jest/globals';
import { generateSync } from 'otplib';
import { at } from '../harness.ts';
import { codesOf, openPostern, type Postern } from './support.ts';

const BCRYPT = '$2y$10$oZhlF6eO09CVhnNkotFzA.KnsmacZCRQBVMSoRqNUNNBlP/h585T6';
const PASSWORD = 'old hash, new home';

let postern: Postern;
beforeAll(async () => {
  postern = await openPostern();
});

describe('an account imported from another service', () => {
  const id = '5f0c6a52-6a6b-4a43-9d61-0d6a0c0b2d11';
  const record = {
    id,
    number: 4711,
    source_id: 'user-1',
    username: 'Mary Ann',
    email: 'Mary@Example.com',
    email_verified_at: '2020-02-03T04:05:06Z',
    name: 'Mary Ann Doe',
    locale: 'de',
    roles: ['editor', 'admin', 'Shop Manager'],
    groups: ['/staff/berlin'],
    created_at: '2019-01-02T03:04:05Z',
    last_login_at: '2024-01-02T03:04:05Z',
    password_hash: BCRYPT,
    totp_secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
    totp: { algorithm: 'SHA256', digits: 8, period: 60 },
    recovery_codes: [
      'abcd-1234',
      {
        hash: 'ba3253876aed6bc22d4a6ff53d8406c6ad864195ed144ab5c87621b6c233b548baeae6956df346ec8c17f5ea10f35ee3cbc514797ed7ddd3145464e2a0bab413',
        format: 'hex_sha512',
      },
    ],
    identities: [{ provider: 'google.com', subject: '1234' }],
    attributes: { plan: 'gold' },
  };

  it('has all its data', async () => {
    const report = await postern.importLines([record]);
    expect(report).toMatchObject({ read: 1, created: 1, updated: 0, skipped: 0, failed: 0 });
    expect(codesOf(report)).toEqual([[1, 'role_not_imported']]);
    expect(await postern.byEmail('mary@example.com')).toMatchObject({
      id,
      number: 4711,
      username: 'Mary Ann',
      email: 'Mary@Example.com',
      name: 'Mary Ann Doe',
      locale: 'de',
      roles: ['user', 'editor', 'shop-manager'],
      createdAt: new Date('2019-01-02T03:04:05Z'),
      emailVerifiedAt: new Date('2020-02-03T04:05:06Z'),
      ownerProvenAt: new Date('2020-02-03T04:05:06Z'),
      lastLoginAt: new Date('2024-01-02T03:04:05Z'),
      status: 'active',
      hasPassword: true,
    });
    expect(await postern.sql('select source, source_id, attributes from imported_accounts')).toEqual([
      { source: 'ndjson', source_id: 'user-1', attributes: { plan: 'gold' } },
    ]);
    expect(await postern.sql('select name from groups')).toEqual([{ name: 'staff/berlin' }]);
    expect(await postern.sql('select upstream, issuer, subject from upstream_identities')).toEqual([
      { upstream: 'google.com', issuer: '', subject: '1234' },
    ]);
    const events = await postern.core.stores.audit.list({ limit: 5, subject: id });
    expect(events.map(({ type, details }) => ({ type, details }))).toEqual([
      {
        type: 'user.imported',
        details: { source: 'ndjson', source_id: 'user-1', roles: ['user', 'editor', 'shop-manager'] },
      },
    ]);
  });

  it('signs in with its old name and password, once with the old hash, then with a current one', async () => {
    const { logins } = postern.core;
    const step = await logins.beginLogin({
      identifier: 'mary ann',
      password: PASSWORD,
      actor: at('192.0.2.1'),
    });
    expect(step).toMatchObject({ pending: expect.any(Object) });
    const user = await postern.core.stores.users.findById(id);
    expect(user?.passwordHash).toMatch(/^\$argon2id\$/);
  });

  it('keeps its authenticator app, with TOTP codes and recovery codes', async () => {
    const { mfa } = postern.core;
    const token = generateSync({ secret: record.totp_secret, algorithm: 'sha256', digits: 8, period: 60 });
    expect(await mfa.verify(id, { code: token }, at('192.0.2.1'))).toMatchObject({ method: 'otp' });
    expect(await mfa.verify(id, { code: 'ABCD 1234' }, at('192.0.2.1'))).toMatchObject({
      method: 'recovery',
    });
    await expect(mfa.verify(id, { code: 'abcd-1234' }, at('192.0.2.1'))).rejects.toMatchObject({
      code: 'invalid_credentials',
    });
    expect(await mfa.verify(id, { code: '123456' }, at('192.0.2.1'))).toMatchObject({ method: 'recovery' });
    expect((await postern.core.stores.factors.factors.count(id)).recoveryCodes).toBe(0);
  });

  it('is skipped while unchanged there, and otherwise updated, except for what was set here', async () => {
    expect(await postern.importLines([record], { onConflict: 'update' })).toMatchObject({ skipped: 1 });
    const before = await postern.core.stores.users.findById(id);
    const changed = {
      ...record,
      name: 'Mary Roe',
      password_hash: BCRYPT.replace('KnsmacZ', 'KnsmacY'),
      totp_secret: 'A'.repeat(32),
    };
    expect(codesOf(await postern.importLines([changed]))).toContainEqual([1, 'duplicate_id']);
    expect(await postern.importLines([changed], { onConflict: 'skip' })).toMatchObject({ skipped: 1 });
    expect(await postern.importLines([changed], { onConflict: 'update' })).toMatchObject({ updated: 1 });
    const after = await postern.core.stores.users.findById(id);
    expect(after).toMatchObject({ name: 'Mary Roe', passwordHash: before?.passwordHash });
    expect(await postern.core.stores.factors.totp.keys(id)).toMatchObject([{ secret: record.totp_secret }]);
  });

  it('leaves higher numbers to new accounts', async () => {
    const made = await postern.core.accounts.create({ email: 'next@example.com' }, at(null));
    expect(made.number).toBe(4712);
  });
});

describe('a record that cannot be imported', () => {
  const line = (fields: object) => ({ email: `x${Math.random()}@example.com`, ...fields });
  it.each<[string, object, string]>([
    ['a misspelt field', { passwordHash: 'x' }, 'unknown_field'],
    ['an id that is not a UUID', { id: '12' }, 'invalid_id'],
    ['an invalid address', { email: 'nobody' }, 'invalid_email'],
    ['an empty name', { name: ' ' }, 'invalid_name'],
    ['a name of two lines', { name: 'a\nb' }, 'invalid_name'],
    ["another account's address as username", { username: 'a@b.example' }, 'invalid_username'],
    ['an unknown status', { status: 'frozen' }, 'invalid_status'],
    ['an invalid time', { created_at: 'yesterday' }, 'invalid_timestamp'],
    ['a date that does not exist', { created_at: '2023-02-31T99:00:00Z' }, 'invalid_timestamp'],
    ['a number above the range', { number: 2_147_483_648 }, 'number_out_of_range'],
    ['a number below the range', { number: 0 }, 'number_out_of_range'],
    ['an invalid TOTP secret', { totp_secret: 'not base32!' }, 'invalid_totp_secret'],
    ['a short TOTP secret', { totp_secret: 'MFRGG' }, 'invalid_totp_secret'],
    ['a NUL character', { name: 'a\0b' }, 'nul_character'],
    ['a lone surrogate', { name: 'a\ud800' }, 'invalid_utf8'],
    ['an invalid list of roles', { roles: 'admin' }, 'invalid_record'],
    [
      'deeply nested attributes',
      { attributes: JSON.parse(`${'[{"a":'.repeat(40)}1${'}]'.repeat(40)}`) as object },
      'invalid_record',
    ],
    ['no address', { email: undefined, source_id: '5' }, 'missing_email'],
    ['an unknown hash', { password_hash: 'hunter2' }, 'hash_unknown_format'],
    ['a bare digest', { password_hash: '5f4dcc3b5aa765d61d8327deb882cf99' }, 'hash_ambiguous'],
    ['a malformed hash', { password_hash: '$2y$10$short' }, 'hash_malformed'],
    [
      'a hash of 2^31 rounds',
      {
        password_hash:
          '$pbkdf2-sha256$i=2147483648,l=32$c2FsdHNhbHQ$47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU',
      },
      'hash_cost_too_high',
    ],
  ])('is refused for %s', async (_what, fields, code) => {
    const report = await postern.importLines([line(fields)]);
    expect(report).toMatchObject({ read: 1, created: 0, failed: 1 });
    expect(report.problems).toEqual([{ line: 1, code, message: expect.any(String), severity: 'error' }]);
  });

  it('is reported by line, and the others are imported', async () => {
    const good = JSON.stringify({ email: 'good@example.com' });
    const text = Buffer.concat([
      Buffer.from(`${good}\n\n{"email":\n[1]\n`),
      Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]),
      Buffer.from(`${'['.repeat(100_000)}\n{"name":"${'x'.repeat(10 << 20)}"}\n`),
      Buffer.from(`${JSON.stringify({ email: 'better@example.com' })}\r\n{"email":"cut@exam`),
    ]);
    const report = await postern.importText(text, { from: 'ndjson' });
    expect(report).toMatchObject({ read: 8, created: 2, failed: 6 });
    expect(codesOf(report)).toEqual([
      [3, 'invalid_json'],
      [4, 'invalid_record'],
      [5, 'invalid_utf8'],
      [6, 'invalid_json'],
      [7, 'line_too_long'],
      [9, 'invalid_json'],
    ]);
    expect(JSON.stringify(report)).not.toContain('cut@exam');
  });

  it('may be a duplicate, of which the first is imported', async () => {
    const report = await postern.importLines([
      { source_id: 'a', email: 'Twice@example.com', username: 'Straße' },
      { source_id: 'b', email: 'twice@EXAMPLE.com' },
      { source_id: 'c', email: 'other@example.com', username: 'STRASSE' },
      { source_id: 'a', email: 'third@example.com' },
      { source_id: 'a', email: 'Twice@example.com', username: 'Straße' },
      { source_id: 'd', email: 'fourth@example.com', number: 4711 },
      { source_id: 'e', email: 'fifth@example.com', id: '5f0c6a52-6a6b-4a43-9d61-0d6a0c0b2d11' },
    ]);
    expect(report).toMatchObject({ read: 7, created: 1, skipped: 1, failed: 5 });
    expect(codesOf(report)).toEqual([
      [2, 'duplicate_email'],
      [3, 'duplicate_username'],
      [4, 'duplicate_id'],
      [6, 'duplicate_number'],
      [7, 'duplicate_id'],
    ]);
    expect(report.problems[0]?.message).toContain('line 1');
    expect(report.problems[1]?.message).toContain('"Straße"');
  });

  it('can be handled by a conflict policy', async () => {
    const made = await postern.core.accounts.create(
      { email: 'here@example.com', password: 'correct horse battery' },
      at(null),
    );
    const theirs = {
      source_id: 'h',
      email: 'HERE@example.com',
      name: 'From There',
      password_hash: BCRYPT,
      identities: [{ provider: 'x', subject: 'h' }],
    };
    expect(await postern.importLines([theirs], { onConflict: 'skip' })).toMatchObject({ skipped: 1 });
    expect(await postern.importLines([theirs], { onConflict: 'update' })).toMatchObject({ updated: 1 });
    expect(await postern.byEmail('here@example.com')).toMatchObject({ id: made.id, name: 'From There' });
    expect(await postern.opens('here@example.com', 'correct horse battery')).toBe(true);
    // An account that only has the same names gains no way to sign in.
    expect(await postern.sql(`select subject from upstream_identities where subject = 'h'`)).toEqual([]);
    const again = { ...theirs, password_hash: BCRYPT.replace('KnsmacZ', 'KnsmacY') };
    expect(await postern.importLines([again], { onConflict: 'update' })).toMatchObject({ updated: 1 });
    expect(await postern.opens('here@example.com', 'correct horse battery')).toBe(true);
    const sameName = { source_id: 'n', email: 'n@example.com', username: 'mary ann' };
    expect(codesOf(await postern.importLines([sameName], { onConflict: 'update' }))).toEqual([
      [1, 'duplicate_username'],
    ]);
  });

  it('can be accepted without what is invalid', async () => {
    const report = await postern.importLines(
      [
        { source_id: 'p1', username: 'no-mail' },
        { source_id: 'p2', email: 'nohash@example.com', password_hash: 'hunter2' },
      ],
      { missingEmail: 'placeholder', onBadHash: 'without-password' },
    );
    expect(report).toMatchObject({ created: 2, failed: 0 });
    expect(report.problems).toMatchObject([{ line: 2, code: 'hash_unknown_format', severity: 'warning' }]);
    const [placed] = await postern.sql<{ email: string }>(
      `select email from users where username = 'no-mail'`,
    );
    expect(placed?.email).toMatch(/@placeholder\.invalid$/);
    expect(await postern.byEmail('nohash@example.com')).toMatchObject({ hasPassword: false });
  });
});

describe('roles of another service', () => {
  it('are assigned where they are mapped, and give no permissions otherwise', async () => {
    const [one, two] = [
      { email: 'r1@example.com', roles: ['admin', 'OWNER'] },
      { email: 'r2@example.com', roles: ['boss', 'support'] },
    ];
    await postern.sql(
      `insert into groups (id, name, name_key, roles) values (gen_random_uuid(), 'Ops', 'ops', '{support}')`,
    );
    const report = await postern.importLines([one, { ...two, groups: ['ops', 'people'] }], {
      roles: new Map([['boss', 'admin']]),
    });
    expect(report).toMatchObject({ created: 2 });
    expect(report.problems.map(({ line, code }) => `${line} ${code}`)).toEqual([
      '1 role_not_imported',
      '1 role_not_imported',
      '2 role_not_imported',
      '2 group_not_imported',
    ]);
    expect((await postern.byEmail('r1@example.com'))?.roles).toEqual(['user']);
    const mapped = await postern.byEmail('r2@example.com');
    expect(mapped?.roles).toEqual(['user', 'admin']);
    expect(mapped?.groupRoles).toEqual([]);
  });
});

it('an import keeps an account’s number, even if the first owner has it', async () => {
  const owner = await postern.core.accounts.create({ email: 'owner@example.com' }, at(null));
  await postern.sql(`update users set roles = '{user,owner}' where id = $1`, [owner.id]);
  const other = await postern.core.accounts.create({ email: 'no-owner@example.com' }, at(null));
  const report = await postern.importLines([
    { email: 'one@example.com', number: owner.number },
    { email: 'two@example.com', number: other.number },
  ]);
  expect(codesOf(report)).toEqual([[2, 'duplicate_number']]);
  expect(await postern.byEmail('one@example.com')).toMatchObject({ number: owner.number });
  expect((await postern.byEmail('owner@example.com'))?.number).toBeGreaterThan(other.number);
});

describe('weak hashes', () => {
  it('are wrapped in argon2id, and plain passwords are hashed at once', async () => {
    const report = await postern.importLines(
      [
        {
          email: 'weak@example.com',
          password_hash: '5f4dcc3b5aa765d61d8327deb882cf99',
          password_hash_format: 'hex_md5',
        },
        { email: 'plain@example.com', password_hash: 'x', password_hash_format: 'plain' },
      ],
      { wrapsWeak: true },
    );
    expect(report).toMatchObject({ created: 2, problems: [] });
    const hashes = await postern.sql<{ password_hash: string }>(
      `select password_hash from users where email in ('weak@example.com', 'plain@example.com')`,
    );
    expect(JSON.stringify(hashes)).not.toContain('5f4dcc3b');
    expect(await postern.opens('weak@example.com', 'password')).toBe(true);
    expect(await postern.opens('plain@example.com', 'x')).toBe(true);
  });
});

it('parameters given for all hashes of an import complete those in the file', async () => {
  const report = await postern.importLines(
    [
      { email: 'shared@example.com', password_hash: 'dd015fb09a04fd4f231a6cd2cd059525' },
      { email: 'itself@example.com', password_hash: BCRYPT },
    ],
    { hashParams: { format: 'digest', algorithm: 'md5', salt: '89d379e9955d689c', salt_position: 'suffix' } },
  );
  expect(report).toMatchObject({ created: 2, problems: [] });
  expect(await postern.opens('shared@example.com', 'hälso-日本')).toBe(true);
  expect(await postern.opens('itself@example.com', PASSWORD)).toBe(true);
});

describe('a large import', () => {
  const many = (prefix: string) =>
    Array.from({ length: 1500 }, (_, index) => ({
      source_id: `${prefix}${index}`,
      email: `${prefix}${index}@example.org`,
      groups: ['many'],
    }));

  it('changes nothing in a dry run and reports what it would do', async () => {
    const records = [...many('dry'), { source_id: 'again', email: 'DRY0@example.org' }];
    const report = await postern.importLines(records, { isDryRun: true });
    expect(report).toMatchObject({ read: 1501, created: 1500, failed: 1 });
    expect(codesOf(report)).toEqual([[1501, 'duplicate_email']]);
    expect(await postern.sql(`select from users where email like 'dry%'`)).toEqual([]);
  });

  it('creates each account once, with two importers and registrations in parallel', async () => {
    const records = many('race');
    const register = (index: number) =>
      postern.core.accounts.create({ email: `race${index}@example.org` }, at(null)).catch(() => null);
    const [one, two] = await Promise.all([
      postern.importLines(records, { onConflict: 'skip' }),
      postern.importLines(records, { onConflict: 'skip' }),
      ...Array.from({ length: 40 }, (_, index) => register(index * 37)),
    ]);
    expect(one.created + two.created + 0).toBeGreaterThanOrEqual(1460);
    expect(one.failed + two.failed).toBe(0);
    const [{ count } = { count: 0 }] = await postern.sql<{ count: number }>(
      `select count(*)::int as count from users where email like 'race%'`,
    );
    expect(count).toBe(1500);
    const [{ members } = { members: 0 }] = await postern.sql<{ members: number }>(
      `select count(*)::int as members from group_members`,
    );
    expect(members).toBeGreaterThanOrEqual(one.created + two.created);
  });
});
