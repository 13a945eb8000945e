import { expect, test } from '@jest/globals';
import { audit } from '../../../src/storage/audit.ts';
import { at, errorOf, openDomain, openStores, operator } from '../harness.ts';
import { appOwner, begin, enrolTotp, NOW, PASSWORD, somewhere } from './people.ts';

const domain = openDomain({ now: NOW }, openStores());
const owner = async () => appOwner(await domain);

test('a remembered device needs only the password, and the login states no more than that', async () => {
  const { beginLogin, mfa } = await domain;
  const { id, email } = await owner();
  const device = await mfa.devices.trust(id, 3600, at(null));
  expect(device).toMatch(/^[\w-]{43}$/);
  expect(await beginLogin({ email, password: PASSWORD, device, actor: somewhere() })).toMatchObject({
    amr: ['pwd'],
    acr: 'urn:postern:acr:1fa',
    enrolmentRequired: false,
  });
  const [, event] = await audit.list({ limit: 2, subject: id });
  expect(event).toMatchObject({ type: 'device.trusted', details: { seconds: 3600 } });
  expect(JSON.stringify(event)).not.toContain(device);
  expect(
    await errorOf(beginLogin({ email, password: 'a wrong password', device, actor: somewhere() })),
  ).toEqual({ code: 'invalid_credentials' });
});

test('a login in one request needs the code even on a remembered device', async () => {
  const { login, mfa } = await domain;
  const { id, email } = await owner();
  const device = await mfa.devices.trust(id, 3600, at(null));
  const request = { email, password: PASSWORD, actor: somewhere(), device };
  expect(await errorOf(login(request))).toEqual({ code: 'mfa_required' });
});

test('a remembered device is remembered for one account, and expires', async () => {
  const { mfa, advance } = await domain;
  const [mine, other] = [await owner(), await owner()];
  const device = await mfa.devices.trust(mine.id, 3600, at(null));
  for (const token of [undefined, null, 42, '', 'x', device.slice(1), `${device}x`, 'x'.repeat(43)]) {
    expect(await mfa.devices.isTrusted(mine.id, token)).toBe(false);
  }
  expect(await mfa.devices.isTrusted(other.id, device)).toBe(false);
  expect((await begin(await domain, other.email, device)).accountId).toBe(other.id);
  expect(await mfa.devices.isTrusted(mine.id, device)).toBe(true);
  advance(3_600_000);
  expect(await mfa.devices.isTrusted(mine.id, device)).toBe(false);
  advance(-3_600_000);
});

test('the token of a remembered device is stored as a hash only', async () => {
  const { mfa, pool } = await domain;
  const { id } = await owner();
  const device = await mfa.devices.trust(id, 3600, at(null));
  const { rows } = await pool.query('select * from trusted_devices where account_id = $1', [id]);
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(device);
});

test.each<[string, (of: Awaited<ReturnType<typeof owner>>) => Promise<unknown>]>([
  ['a new factor', async ({ id }) => enrolTotp(await domain, id, 'another')],
  ['the removal of a factor', async ({ id, totp }) => (await domain).mfa.totp.remove(id, totp, at(null))],
  [
    'a new password',
    async ({ id }) =>
      (await domain).accounts.changePassword(id, PASSWORD, 'another right password', somewhere()),
  ],
  ['a suspension', async ({ id }) => (await domain).accounts.suspend(id, operator)],
])('a device is forgotten after %s', async (_, end) => {
  const { mfa } = await domain;
  const somebody = await owner();
  const device = await mfa.devices.trust(somebody.id, 3600, at(null));
  await end(somebody);
  expect(await mfa.devices.isTrusted(somebody.id, device)).toBe(false);
});
