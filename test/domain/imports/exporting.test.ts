import { beforeAll, expect, it } from '@jest/globals';
import { generateSync } from 'otplib';
import { at } from '../harness.ts';
import { openPostern, type Postern } from './support.ts';

const ID = '5f0c6a52-6a6b-4a43-9d61-0d6a0c0b2d11';
const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const RECORDS = [
  {
    id: ID,
    number: 4711,
    source: 'shop',
    source_id: 'user-1',
    username: 'Mary Ann',
    email: 'Mary@Example.com',
    email_verified: true,
    email_verified_at: '2020-02-03T04:05:06.000Z',
    name: 'Mary Ann Doe',
    locale: 'de',
    phone_number: '+4930123456',
    address: { locality: 'Berlin' },
    status: 'active',
    roles: ['editor'],
    groups: ['staff/berlin'],
    created_at: '2019-01-02T03:04:05.000Z',
    last_login_at: '2024-01-02T03:04:05.000Z',
    password_changed_at: '2019-01-02T03:04:05.000Z',
    password_hash: '$argon2id$v=19$m=32768,t=1,p=4$c29tZXNhbHQxMjM0$DlEmT3Y7WIY++T7ya3h0YwnAdfInoLG4',
    totp_secret: SECRET,
    totp: { algorithm: 'SHA256', digits: 8, period: 60 },
    identities: [{ provider: 'google.com', subject: '1234' }],
    attributes: { plan: 'gold' },
  },
  {
    id: ID.replace('5f0c', '6f0c'),
    number: 4712,
    source: 'shop',
    source_id: 'user-2',
    email: 'peppered@example.com',
    email_verified: false,
    status: 'suspended',
    created_at: '2019-01-02T03:04:05.000Z',
    password_changed_at: '2019-01-02T03:04:05.000Z',
    password_hash: 'dd015fb09a04fd4f231a6cd2cd059525',
    password_hash_format: 'digest',
    password_hash_params: { algorithm: 'md5', salt: '89d379e9955d689c', salt_position: 'suffix' },
  },
];

let postern: Postern;
let codes: string[];
const texts: Record<string, string> = {};
beforeAll(async () => {
  const first = await openPostern();
  expect(await first.importLines(RECORDS)).toMatchObject({ created: 2, problems: [] });
  codes = await first.core.mfa.recoveryCodes.regenerate(ID, at('192.0.2.1'));
  for (const format of ['ndjson', 'keycloak', 'auth0'] as const) {
    texts[format] = await first.exportText(format, true);
    texts[`${format} alone`] = await first.exportText(format);
  }
  const events = await first.core.stores.audit.list({ limit: 1 });
  expect(events).toMatchObject([
    { type: 'accounts.exported', details: { format: 'auth0', with_hashes: false } },
  ]);
  // Another installation, with other keys.
  postern = await openPostern('the key of the installation that accounts come back to');
});

it('an export in Postern’s own format imports as the same accounts', async () => {
  const lines = (texts['ndjson'] ?? '')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject(RECORDS);
  const report = await postern.importText(texts['ndjson'] ?? '');
  expect(report).toMatchObject({ created: 2, problems: [] });
  expect(await postern.opens('mary@example.com', 'hälso-日本')).toBe(true);
  expect(await postern.opens('peppered@example.com', 'hälso-日本')).toBe(true);
  const { mfa } = postern.core;
  const code = generateSync({ secret: SECRET, algorithm: 'sha256', digits: 8, period: 60 });
  expect(await mfa.verify(ID, { code }, at('192.0.2.1'))).toMatchObject({ method: 'otp' });
  expect(await mfa.verify(ID, { code: codes[0]?.toLowerCase() ?? '' }, at('192.0.2.1'))).toMatchObject({
    method: 'recovery',
  });
  await expect(mfa.verify(ID, { code: codes[0] ?? '' }, at('192.0.2.1'))).rejects.toMatchObject({
    code: 'invalid_credentials',
  });
  const again = (await postern.exportText('ndjson', true))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(again).toMatchObject(RECORDS);
});

it('an export as a Keycloak realm can be imported again', async () => {
  const realm = JSON.parse(texts['keycloak'] ?? '') as { users: Record<string, unknown>[]; groups: unknown };
  expect(realm.groups).toEqual([{ name: 'staff', subGroups: [{ name: 'berlin', subGroups: [] }] }]);
  expect(realm.users[0]).toMatchObject({
    id: ID,
    username: 'Mary Ann',
    email: 'mary@example.com',
    emailVerified: true,
    enabled: true,
    createdTimestamp: Date.parse('2019-01-02T03:04:05Z'),
    groups: ['/staff/berlin'],
    realmRoles: ['editor'],
    credentials: [
      {
        type: 'password',
        secretData: JSON.stringify({
          value: 'DlEmT3Y7WIY++T7ya3h0YwnAdfInoLG4',
          salt: 'c29tZXNhbHQxMjM0',
          additionalParameters: {},
        }),
      },
      { type: 'otp' },
    ],
  });
  expect(realm.users[1]).toMatchObject({ enabled: false, requiredActions: ['UPDATE_PASSWORD'] });
  await postern.sql('truncate users cascade');
  expect(await postern.importText(texts['keycloak'] ?? '')).toMatchObject({ created: 2 });
  expect(await postern.opens('mary@example.com', 'hälso-日本')).toBe(true);
  expect(await postern.core.stores.factors.totp.keys(ID)).toMatchObject([
    { secret: SECRET, algorithm: 'sha256', digits: 8 },
  ]);
});

it('an export has the form that Auth0 imports', async () => {
  const users = JSON.parse(texts['auth0'] ?? '') as Record<string, unknown>[];
  expect(users[0]).toMatchObject({
    user_id: 'user-1',
    email: 'Mary@Example.com',
    custom_password_hash: {
      algorithm: 'argon2',
      hash: { value: RECORDS[0]?.password_hash, encoding: 'utf8' },
    },
    mfa_factors: [{ totp: { secret: SECRET } }],
    app_metadata: { number: 4711, roles: ['editor'], groups: ['staff/berlin'] },
  });
});

it.each(['ndjson', 'keycloak', 'auth0'])('an export contains no secret as %s unless requested', (format) => {
  const text = texts[`${format} alone`] ?? '';
  expect(text).toContain('ary');
  expect(text).not.toMatch(/argon2|DlEmT3Y7|dd015fb0|JBSWY3DP|recovery|secret|hash|credential/i);
});
