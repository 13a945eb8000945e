import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from '@jest/globals';
import { openPostern, type Postern } from './support.ts';

const PASSWORD = 'old hash, new home';
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));

let postern: Postern;
beforeAll(async () => {
  postern = await openPostern();
});

const since = new Date('2019-03-01T08:30:00Z');

/** Files written by real tools, and what some of their accounts become. */
const FILES: { file: string; companions?: string[]; people: Record<string, object>; without: string[] }[] = [
  {
    file: 'django.json',
    people: {
      'pbkdf2_sha256@django-dump.example': {
        number: 61001,
        username: 'Django+pbkdf2_sha256',
        givenName: 'Zoë',
        createdAt: since,
        emailVerifiedAt: expect.any(Date),
      },
      'argon2@django-dump.example': { number: 61002, familyName: 'Müller' },
      'bcrypt_sha256@django-dump.example': {},
      'scrypt@django-dump.example': {},
      'md5@django-dump.example': {},
    },
    without: ['gone@django-dump.example'],
  },
  {
    file: 'slapcat.ldif',
    people: {
      'ssha@directory.example': {
        username: 'ssha',
        name: 'Zoë Müller with a name that is so long that slapcat folds the line it stands in, twice',
      },
      'smd5@directory.example': {},
      'crypt@directory.example': {},
    },
    without: [],
  },
  {
    file: 'wp_users.csv',
    companions: ['wp_usermeta.csv'],
    people: {
      'phpass@wordpress-rows.example': {
        number: 62001,
        username: 'Zoë Müller',
        name: 'Zoë "Z" Müller',
        givenName: 'Zoë',
        roles: ['user', 'author'],
        createdAt: new Date('2011-02-03T04:05:06Z'),
      },
      'since68@wordpress-rows.example': { name: 'Since, 6.8' },
      'bcrypt@wordpress-rows.example': {},
      'md5@wordpress-rows.example': {},
    },
    without: [],
  },
  {
    file: 'keycloak.json',
    people: {
      'bcrypt@keycloak-trip.example': {
        username: 'kcbcrypt',
        givenName: 'Zoë',
        roles: ['user', 'editor'],
        emailVerifiedAt: expect.any(Date),
      },
      'argon2@keycloak-trip.example': { username: 'kcargon' },
    },
    without: [],
  },
];

it.each(FILES)(
  '$file is imported completely, and its people can sign in',
  async ({ file, companions = [], people, without }) => {
    const report = await postern.importText(fixture(file), { with: companions.map(fixture) });
    const count = Object.keys(people).length + without.length;
    expect({ file, ...report }).toMatchObject({ read: count, created: count, failed: 0 });
    for (const [email, shown] of Object.entries(people)) {
      expect(await postern.byEmail(email)).toMatchObject(shown);
      expect([email, await postern.opens(email, PASSWORD)]).toEqual([email, true]);
    }
    for (const email of without) expect(await postern.byEmail(email)).toMatchObject({ hasPassword: false });
    expect(await postern.importText(fixture(file), { with: companions.map(fixture) })).toMatchObject({
      skipped: count,
    });
  },
);

it('secrets shared by hashes are deleted a day after the last such hash', async () => {
  const digest = (email: string, pepper: string) => ({
    email,
    password_hash: '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b',
    password_hash_format: 'digest',
    password_hash_params: { algorithm: 'sha256', pepper },
  });
  await postern.importLines([
    digest('one@secrets.example', 'first'),
    digest('two@secrets.example', 'second'),
  ]);
  const kept = () => postern.sql('select id from password_hash_secrets');
  const sweep = async () => (await postern.core.sweep())['password_hash_secrets'];
  const waitDays = () =>
    postern.sql(`update password_hash_secrets set needed_at = needed_at - interval '2 days'`);
  expect(await kept()).toHaveLength(2);
  await postern.sql(`update users set password_hash = null where email = 'one@secrets.example'`);
  expect(await sweep()).toBe(0);
  await waitDays();
  expect(await sweep()).toBe(1);
  expect(await kept()).toHaveLength(1);
  // Importing such a hash again keeps the secret.
  await postern.sql(`update users set password_hash = null where email = 'two@secrets.example'`);
  await waitDays();
  await postern.importLines([{ ...digest('three@secrets.example', 'second') }]);
  expect(await sweep()).toBe(0);
});
