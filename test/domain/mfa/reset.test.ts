import { expect, test } from '@jest/globals';
import { audit } from '../../../src/storage/audit.ts';
import { at, errorOf, openDomain, operator } from '../harness.ts';
import { begin, enrolPasskey, enrolTotp, NOW, person } from './people.ts';

const domain = openDomain({ now: NOW, mfa: { requiredForRoles: ['admin'], rememberDevice: 60 } });

test('a reset removes all factors, also required ones, and notifies the owner of each', async () => {
  const { mfa, sentNotices } = await domain;
  const { id, email } = await person(await domain, ['user', 'admin']);
  await enrolTotp(await domain, id, 'Phone');
  await enrolPasskey(await domain, id, 'Laptop');
  const device = await mfa.devices.trust(id, 60, at(null));
  await begin(await domain, email);

  expect(await mfa.reset(id, operator)).toBe(2);
  expect(await mfa.status(id)).toMatchObject({ totp: [], passkeys: [], recoveryCodesLeft: 0, methods: [] });
  expect(await mfa.devices.isTrusted(id, device)).toBe(false);
  const removed = await audit.list({ limit: 2, subject: id });
  expect(removed.map(({ type, details }) => `${type} ${String(details['name'])}`).sort()).toEqual([
    'factor.removed Laptop',
    'factor.removed Phone',
  ]);
  const letters = sentNotices.filter(({ kind, accountId }) => kind === 'factor-removed' && accountId === id);
  expect(letters).toHaveLength(2);
});

test('a reset with a parallel enrolment leaves no stale recovery codes', async () => {
  const { mfa } = await domain;
  const { id } = await person(await domain);
  await enrolTotp(await domain, id);
  await Promise.all([mfa.reset(id, operator), mfa.reset(id, operator), enrolTotp(await domain, id, 'Other')]);
  const { totp, recoveryCodesLeft } = await mfa.status(id);
  // The factor came first and is gone, or came later with its own recovery codes.
  expect([totp.length, recoveryCodesLeft]).toEqual(totp.length === 0 ? [0, 0] : [1, 10]);
});

test('a reset of the recovery codes alone leaves the factors', async () => {
  const { mfa } = await domain;
  const { id } = await person(await domain);
  await enrolTotp(await domain, id);
  expect(await mfa.reset(id, operator, 'recovery_codes')).toBe(10);
  const { totp, recoveryCodesLeft } = await mfa.status(id);
  expect([totp.length, recoveryCodesLeft]).toEqual([1, 0]);
  expect(await errorOf(mfa.reset(id, operator, 'recovery_codes'))).toEqual({ code: 'factor_not_found' });
});

test('a reset finds nothing without factors, and fails for an unknown account', async () => {
  const { mfa } = await domain;
  expect(await mfa.reset((await person(await domain)).id, operator)).toBe(0);
  expect(await errorOf(mfa.reset('00000000-0000-4000-8000-000000000000', operator))).toEqual({
    code: 'user_not_found',
  });
});
