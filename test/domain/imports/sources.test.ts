import { createHash } from 'node:crypto';
import { beforeAll, expect, it } from '@jest/globals';
import { codesOf, openPostern, type Postern } from './support.ts';

const UUID = (digit: number) => `${String(digit).repeat(8)}-1111-4111-8111-111111111111`;
const PASSWORD = 'old hash, new home';
const BCRYPT = '$2y$10$oZhlF6eO09CVhnNkotFzA.KnsmacZCRQBVMSoRqNUNNBlP/h585T6';
const DJANGO = 'pbkdf2_sha1$1000000$JdjlncTvQwFeQaJyaYtZl1$z1gqVxOK1fA5M3hI0CCwZ4jC7UM=';

let postern: Postern;
beforeAll(async () => {
  postern = await openPostern();
});

const identitiesOf = (id: string) =>
  postern.sql('select upstream, subject from upstream_identities where account_id = $1', [id]);
const groupsOf = (id: string) =>
  postern.sql(
    'select name from groups join group_members on group_id = id where account_id = $1 order by name',
    [id],
  );
const factorOf = async (id: string) => (await postern.core.stores.factors.totp.keys(id))[0];
const account = async (email: string) => {
  const found = await postern.byEmail(email);
  if (!found) throw new Error(`${email} is not there`);
  return found;
};

it('import from Keycloak: a realm with each kind of credential', async () => {
  const users = [
    {
      id: UUID(1),
      username: 'kim',
      email: 'kim@keycloak.example',
      emailVerified: true,
      enabled: true,
      firstName: 'Kim',
      lastName: 'Lee',
      createdTimestamp: 1_600_000_000_000,
      attributes: { locale: ['de'], plan: ['gold'] },
      groups: ['/staff/berlin'],
      realmRoles: ['default-roles-demo', 'offline_access', 'editor', 'admin'],
      federatedIdentities: [{ identityProvider: 'google', userId: '117', userName: 'kim' }],
      requiredActions: [],
      credentials: [
        {
          type: 'password',
          secretData: JSON.stringify({
            value: '20NHBJpicBru0qSHeOWf7OOASrPdDfOBPwlyHhOJt8ODR5/IyG9CtABxltroeRqHtfrBXhR6DhFRdU+e3rvW+w==',
            salt: 'PvNETTk2jbK7bcQW',
            additionalParameters: {},
          }),
          credentialData: JSON.stringify({
            hashIterations: 100_000,
            algorithm: 'pbkdf2-sha512',
            additionalParameters: {},
          }),
        },
        {
          type: 'otp',
          secretData: JSON.stringify({ value: 'GGTURJZZDQGLQNEDTYVO' }),
          credentialData: JSON.stringify({ subType: 'totp', digits: 6, period: 30, algorithm: 'HmacSHA1' }),
        },
        {
          type: 'recovery-authn-codes',
          secretData: JSON.stringify({
            codes: [
              {
                number: 1,
                encodedHashedValue: createHash('sha512').update('123456').digest('base64'),
              },
            ],
          }),
          credentialData: '{}',
        },
        { type: 'webauthn', secretData: '{}', credentialData: '{}' },
      ],
    },
    { id: UUID(2), username: 'service-account-x', serviceAccountClientId: 'x', enabled: true },
    {
      username: 'old',
      email: 'old@keycloak.example',
      enabled: false,
      credentials: [{ type: 'password', value: 'plain text' }],
    },
  ];
  const report = await postern.importText(
    JSON.stringify({ realm: 'demo', roles: { realm: [] }, users, clients: [{ name: 'x' }] }, null, 2),
  );
  expect(report).toMatchObject({ read: 3, created: 2, skipped: 1, failed: 0 });
  expect(codesOf(report)).toEqual([
    [1, 'factor_not_imported'],
    [1, 'role_not_imported'],
    [2, 'service_account'],
  ]);
  const kim = await account('kim@keycloak.example');
  expect(kim).toMatchObject({
    id: UUID(1),
    username: 'kim',
    name: 'Kim Lee',
    givenName: 'Kim',
    locale: 'de',
    roles: ['user', 'editor'],
    createdAt: new Date(1_600_000_000_000),
  });
  expect(await postern.opens('kim@keycloak.example', PASSWORD)).toBe(true);
  expect(await factorOf(kim.id)).toMatchObject({ secret: 'I5DVIVKSJJNFURCRI5GFCTSFIRKFSVSP', digits: 6 });
  expect(await identitiesOf(kim.id)).toEqual([{ upstream: 'google', subject: '117' }]);
  expect(await groupsOf(kim.id)).toEqual([{ name: 'staff/berlin' }]);
  expect(await account('old@keycloak.example')).toMatchObject({ status: 'suspended' });
  expect(await postern.opens('old@keycloak.example', 'plain text')).toBe(true);
});

it('import from Auth0: profiles with the export of hashes, and its import format', async () => {
  const profile = {
    user_id: 'auth0|5f',
    email: 'ann@auth0.example',
    email_verified: true,
    name: 'Ann',
    created_at: '2021-01-01T00:00:00.000Z',
    blocked: false,
    identities: [
      { provider: 'auth0', user_id: '5f', isSocial: false },
      { provider: 'google-oauth2', user_id: '99', isSocial: true },
    ],
    user_metadata: { hobby: 'chess' },
  };
  const hashes = [
    { _id: { $oid: '5f' }, email: 'ann@auth0.example', passwordHash: BCRYPT },
    { _id: { $oid: '60' }, passwordHash: BCRYPT },
  ];
  const report = await postern.importText(`${JSON.stringify(profile)}\n`, {
    with: [hashes.map((one) => JSON.stringify(one)).join('\n')],
  });
  expect(report).toMatchObject({ read: 1, created: 1 });
  expect(report.problems).toMatchObject([{ code: 'hash_without_user', severity: 'warning' }]);
  expect(await postern.opens('ann@auth0.example', PASSWORD)).toBe(true);
  expect(await identitiesOf((await account('ann@auth0.example')).id)).toEqual([
    { upstream: 'google-oauth2', subject: '99' },
  ]);
  expect(await postern.sql(`select source_id from imported_accounts where source = 'auth0'`)).toEqual([
    { source_id: 'auth0|5f' },
  ]);
  const form = [
    {
      user_id: 'f1',
      email: 'form@auth0.example',
      custom_password_hash: {
        algorithm: 'md5',
        hash: { value: 'dd015fb09a04fd4f231a6cd2cd059525', encoding: 'hex' },
        salt: { value: '89d379e9955d689c', position: 'suffix' },
      },
      mfa_factors: [{ totp: { secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' } }],
    },
  ];
  expect(await postern.importText(JSON.stringify(form))).toMatchObject({ created: 1, problems: [] });
  expect(await postern.opens('form@auth0.example', 'hälso-日本')).toBe(true);
});

it('import from Firebase: JSON and CSV with the hash parameters of its console', async () => {
  const params = `hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}`;
  const hash = 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==';
  const users = [
    {
      localId: 'abcdefghijklmnopqrstuvwxyz12',
      email: 'fire@firebase.example',
      emailVerified: true,
      passwordHash: hash,
      salt: '42xEC+ixf3L2lw==',
      createdAt: '1486324205000',
      disabled: false,
      customAttributes: '{"plan":"gold"}',
      providerUserInfo: [{ providerId: 'google.com', rawId: '11' }],
    },
    { localId: 'zbcdefghijklmnopqrstuvwxyz12', createdAt: '1486324205000' },
  ];
  const report = await postern.importText(JSON.stringify({ users }), { with: [params] });
  expect(report).toMatchObject({ created: 1, skipped: 1 });
  expect(codesOf(report)).toEqual([[2, 'anonymous']]);
  expect(await postern.opens('fire@firebase.example', 'user1password')).toBe(true);
  expect(await account('fire@firebase.example')).toMatchObject({ createdAt: new Date(1_486_324_205_000) });
  const cells = [
    'bbcdefghijklmnopqrstuvwxyz12',
    'csv@firebase.example',
    'true',
    hash,
    '42xEC+ixf3L2lw==',
    '"Doe, Jane"',
    '',
  ];
  const row = [
    ...cells,
    ...Array.from({ length: 16 }, () => ''),
    '1486324205000',
    '',
    '',
    'false',
    '""',
    '',
  ].join(',');
  expect(await postern.importText(`${row}\n`, { with: [params] })).toMatchObject({
    created: 1,
    problems: [],
  });
  expect(await account('csv@firebase.example')).toMatchObject({ name: 'Doe, Jane' });
});

it('import from Supabase: users, identities and factors', async () => {
  const users = [
    {
      id: UUID(3),
      email: 'supa@supabase.example',
      encrypted_password: BCRYPT,
      email_confirmed_at: '2023-05-01 10:00:00.123456+00',
      created_at: '2023-05-01 09:00:00+02',
      raw_app_meta_data: { provider: 'email' },
      raw_user_meta_data: { full_name: 'Supa Base' },
      is_anonymous: false,
      deleted_at: null,
      phone: '',
    },
    { id: UUID(4), email: '', encrypted_password: '', is_anonymous: true, raw_user_meta_data: {} },
  ];
  const identities = [
    { id: 'i', user_id: UUID(3), provider: 'github', provider_id: '42' },
    { id: 'j', user_id: UUID(3), provider: 'email', provider_id: UUID(3) },
  ];
  const factors = `id,user_id,factor_type,status,secret\nf,${UUID(3)},totp,verified,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n`;
  const report = await postern.importText(JSON.stringify(users), {
    with: [JSON.stringify(identities), factors],
  });
  expect(report).toMatchObject({ created: 1, skipped: 1 });
  expect(await account('supa@supabase.example')).toMatchObject({
    id: UUID(3),
    name: 'Supa Base',
    createdAt: new Date('2023-05-01T07:00:00Z'),
    emailVerifiedAt: new Date('2023-05-01T10:00:00.123Z'),
  });
  expect(await identitiesOf(UUID(3))).toEqual([{ upstream: 'github', subject: '42' }]);
  expect(await factorOf(UUID(3))).toMatchObject({ secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
});

it('import from Cognito: list-users and its CSV', async () => {
  const users = [
    {
      Username: UUID(5),
      Attributes: [
        { Name: 'sub', Value: UUID(5) },
        { Name: 'email', Value: 'co@cognito.example' },
        { Name: 'email_verified', Value: 'true' },
        { Name: 'custom:plan', Value: 'gold' },
      ],
      UserCreateDate: 1_600_000_000.123,
      Enabled: true,
      UserStatus: 'CONFIRMED',
    },
  ];
  expect(await postern.importText(JSON.stringify({ Users: users }, null, 4))).toMatchObject({
    created: 1,
    problems: [],
  });
  expect(await account('co@cognito.example')).toMatchObject({
    id: UUID(5),
    username: null,
    hasPassword: false,
  });
  const csv =
    'name,cognito:mfa_enabled,cognito:username,email,email_verified\nJo,TRUE,jo,jo@cognito.example,TRUE\n';
  expect(codesOf(await postern.importText(csv))).toEqual([[1, 'factor_not_imported']]);
  expect(await account('jo@cognito.example')).toMatchObject({ username: 'jo' });
});

it('import from Django: dumpdata with groups, django-otp and allauth', async () => {
  const dump = [
    {
      model: 'account.emailaddress',
      pk: 1,
      fields: { user: 7001, email: 'dj@django.example', verified: true, primary: true },
    },
    {
      model: 'auth.user',
      pk: 7001,
      fields: {
        password: DJANGO,
        last_login: null,
        is_superuser: true,
        is_staff: true,
        is_active: true,
        username: 'dj+1',
        email: 'dj@django.example',
        first_name: 'D',
        last_name: 'J',
        date_joined: '2020-01-01T00:00:00Z',
        groups: [3],
        user_permissions: [],
      },
    },
    {
      model: 'auth.user',
      pk: 7002,
      fields: {
        password: '!unusable',
        last_login: null,
        username: 'nohash',
        email: 'no@django.example',
        is_active: false,
        groups: [['writers']],
        date_joined: '2020-01-01T00:00:00Z',
      },
    },
    { model: 'auth.group', pk: 3, fields: { name: 'editors', permissions: [] } },
    {
      model: 'otp_totp.totpdevice',
      pk: 1,
      fields: {
        user: 7001,
        name: 'x',
        confirmed: true,
        key: '3132333435363738393031323334353637383930',
        step: 30,
        digits: 6,
      },
    },
    { model: 'otp_static.staticdevice', pk: 9, fields: { user: 7001, confirmed: true } },
    { model: 'otp_static.statictoken', pk: 1, fields: { device: 9, token: 'abcdefgh' } },
    {
      model: 'socialaccount.socialaccount',
      pk: 1,
      fields: { user: 7001, provider: 'google', uid: '88', extra_data: {} },
    },
  ];
  const report = await postern.importText(JSON.stringify(dump));
  expect(report).toMatchObject({ read: 2, created: 2 });
  const dj = await account('dj@django.example');
  expect(dj).toMatchObject({
    number: 7001,
    username: 'dj+1',
    roles: ['user', 'staff', 'superuser'],
    emailVerifiedAt: expect.any(Date),
  });
  expect(await postern.opens('dj@django.example', PASSWORD)).toBe(true);
  expect(await groupsOf(dj.id)).toEqual([{ name: 'editors' }]);
  expect(await factorOf(dj.id)).toMatchObject({ secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' });
  expect(await identitiesOf(dj.id)).toEqual([{ upstream: 'google', subject: '88' }]);
  expect((await postern.core.stores.factors.factors.count(dj.id)).recoveryCodes).toBe(1);
  expect(await account('no@django.example')).toMatchObject({
    status: 'suspended',
    hasPassword: false,
    number: 7002,
  });
});

it('import from WordPress: users with their meta', async () => {
  const users =
    'ID;user_login;user_pass;user_email;user_registered;display_name\n8001;Mary Ann;$wp$2y$10$LhoD0lNhDLoHJEwpLBim8O4r2716pk6RV39sIpPvM7kB/monIQTIa;wp@wordpress.example;2020-01-01 10:00:00;Mary\n8002;older;5f4dcc3b5aa765d61d8327deb882cf99;md5@wordpress.example;0000-00-00 00:00:00;Old\n';
  const meta = JSON.stringify([
    {
      umeta_id: '1',
      user_id: '8001',
      meta_key: 'wp_capabilities',
      meta_value: 'a:2:{s:13:"administrator";b:1;s:6:"editor";b:1;}',
    },
    { umeta_id: '2', user_id: '8001', meta_key: 'first_name', meta_value: 'Mary' },
  ]);
  const report = await postern.importText(users, { with: [meta] });
  expect(report).toMatchObject({ created: 2 });
  expect(codesOf(report)).toEqual([[1, 'role_not_imported']]);
  expect(await account('wp@wordpress.example')).toMatchObject({
    number: 8001,
    username: 'Mary Ann',
    givenName: 'Mary',
    roles: ['user', 'editor'],
  });
  expect(await postern.opens('wp@wordpress.example', PASSWORD)).toBe(true);
  expect(await postern.opens('md5@wordpress.example', 'password')).toBe(true);
});

it('import from LDIF: folded lines, base64 and groups', async () => {
  const base64 = Buffer.from('{SMD5}51/7Rj7WWVcSVP/wX/P3Uc57Nrg=').toString('base64');
  const text = `version: 1\n\n# people\ndn: uid=lee,ou=people,dc=example\nobjectClass: inetOrgPerson\nuid: lee\ncn:: ${Buffer.from('Lee Müller').toString('base64')}\nsn: Müller\nmail: lee@ldap.exam\n ple\nmail: second@ldap.example\nuserPassword:: ${base64}\nuserPassword: {SSHA}x\njpegPhoto:< file:///etc/passwd\nentryUUID: ${UUID(6)}\ncreateTimestamp: 20200102030405Z\npwdAccountLockedTime: 20210101000000Z\n\ndn: cn=admins,dc=example\nobjectClass: groupOfNames\ncn: staff\nmember: UID=lee, ou=people,dc=example\n\ndn: uid=cut,dc=example\nobjectClass: person\nuid: cut\nmail:: ***\n`;
  const report = await postern.importText(text);
  expect(report).toMatchObject({ read: 2, created: 1, failed: 1 });
  expect(codesOf(report)).toEqual([
    [4, 'second_password_dropped'],
    [24, 'invalid_record'],
  ]);
  const lee = await account('lee@ldap.example');
  expect(lee).toMatchObject({
    id: UUID(6),
    username: 'lee',
    name: 'Lee Müller',
    status: 'suspended',
    createdAt: new Date('2020-01-02T03:04:05Z'),
  });
  expect(await postern.opens('lee@ldap.example', PASSWORD)).toBe(true);
  expect(await groupsOf(lee.id)).toEqual([{ name: 'staff' }]);
});
