import { beforeAll, expect, test } from '@jest/globals';
import { type Provider, startProvider, type Person } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { type Letters, readLetters } from './support/mail.ts';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const NEWER_FIREFOX = FIREFOX.replaceAll('140', '141');
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1';
const SUBJECT = 'New sign-in to your account';

let provider: Provider;
let letters: Letters;
beforeAll(async () => {
  provider = await startProvider({ settings: { http: { trustedProxies: ['127.0.0.1', '::1'] } } });
  letters = readLetters(provider.postern);
});

/** Signs in at a contract, which takes the password without a page. */
async function signIn({ email, password }: Person, userAgent: string, ip = '192.0.2.7'): Promise<void> {
  const reply = await fetch(`${provider.url}/contracts/ppl/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': userAgent, 'x-forwarded-for': ip },
    body: JSON.stringify({ email, password }),
  });
  expect(reply.status).toBe(200);
}

/**
 * Counts the new-device messages for the person, sent or pending. Each is written in the transaction of its
 * login.
 */
const causes = async ({ id }: Person): Promise<number> => {
  const [row] = await provider.sql(`select count(*)::int as n from outbox where cause like $1`, [
    `new-device:${id}:%`,
  ]);
  return Number(row?.['n']);
};

test('the owner is notified once of a login from an unknown device', async () => {
  const person = await provider.createPerson();
  await signIn(person, FIREFOX);
  await signIn(person, NEWER_FIREFOX);
  expect(await causes(person)).toBe(0);

  await signIn(person, SAFARI);
  const told = await letters.next(person.email);
  expect(told.subject).toBe(SUBJECT);
  expect(told.text).toContain('Safari');
  expect(told.text).toContain('192.0.2.7');
  await signIn(person, SAFARI);
  await signIn(person, FIREFOX);
  expect(await causes(person)).toBe(1);

  await signIn(person, FIREFOX, '198.51.100.9');
  expect((await letters.next(person.email)).text).toContain('198.51.100.9');
  expect(await causes(person)).toBe(2);
});

test('parallel logins from a new device cause one notification', async () => {
  const person = await provider.createPerson();
  await signIn(person, FIREFOX);
  await Promise.all(Array.from({ length: 5 }, () => signIn(person, SAFARI)));
  expect(await causes(person)).toBe(1);
  expect((await letters.next(person.email)).subject).toBe(SUBJECT);
  expect(await letters.count(person.email)).toBe(0);
});

test('a wrong password causes no notification', async () => {
  const person = await provider.createPerson();
  await signIn(person, FIREFOX);
  const agent = new UserAgent(provider.url);
  const values = { identifier: person.email, password: 'wrong' };
  const page = await agent.submit(await agent.open('/sign-in', { 'user-agent': SAFARI }), values, '/sign-in');
  expect(page.status).toBe(401);
  expect(await causes(person)).toBe(0);
});

test('a device counts as new after half a year without use, also on an account unused for as long', async () => {
  const person = await provider.createPerson();
  await signIn(person, FIREFOX);
  await signIn(person, SAFARI);
  expect(await causes(person)).toBe(1);
  await letters.next(person.email);
  await provider.sql(
    `update sign_in_devices set last_at = last_at - interval '181 days' where account_id = $1`,
    [person.id],
  );
  await signIn(person, NEWER_FIREFOX, '203.0.113.5');
  expect(await causes(person)).toBe(2);
  const [row] = await provider.sql('select count(*)::int as n from sign_in_devices where account_id = $1', [
    person.id,
  ]);
  expect(row).toEqual({ n: 1 });
});
