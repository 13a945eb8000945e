import { expect, test } from '@jest/globals';
import { at, errorOf, newEmail, openDomain, openStores, operator } from '../harness.ts';
import { codeOf, enrolPasskey, enrolTotp, NOW, PASSWORD, person, somewhere } from './people.ts';

const mfa = { requiredForRoles: ['admin' as const], rememberDevice: 60 };
const strict = openDomain({ now: NOW, mfa }, openStores());

test('an account that must have a second factor but has none can only sign in on a page that sets one up', async () => {
  const { login, beginLogin, mfa } = await strict;
  const admin = await person(await strict, ['user', 'admin']);
  const actor = somewhere();
  const request = { email: admin.email, password: PASSWORD, actor };
  expect(await errorOf(login(request))).toEqual({ code: 'mfa_required', reason: 'enrolment' });
  expect(await errorOf(login({ ...request, otp: '123456' }))).toEqual({
    code: 'mfa_required',
    reason: 'enrolment',
  });
  expect(await beginLogin(request)).toMatchObject({ amr: ['pwd'], enrolmentRequired: true });
  expect(await mfa.status(admin.id)).toMatchObject({ required: true, methods: [] });

  const { secret } = await enrolTotp(await strict, admin.id);
  expect(await login({ ...request, otp: codeOf(secret) })).toMatchObject({ enrolmentRequired: false });
});

test('the last factor of an account that must have one cannot be removed, others can', async () => {
  const { mfa } = await strict;
  const { id } = await person(await strict, ['user', 'admin']);
  const { id: totp } = await enrolTotp(await strict, id);
  expect(await errorOf(mfa.totp.remove(id, totp, at(null)))).toEqual({
    code: 'mfa_required',
    reason: 'last_factor',
  });
  expect(await mfa.status(id)).toMatchObject({ totp: [{ id: totp }], recoveryCodesLeft: 10 });
  const { id: passkey } = await enrolPasskey(await strict, id);
  await mfa.totp.remove(id, totp, at(null));
  expect(await errorOf(mfa.passkeys.remove(id, passkey, at(null)))).toMatchObject({ code: 'mfa_required' });
});

test('an account without such a role needs no second factor', async () => {
  const { login, mfa } = await strict;
  const { id, email } = await person(await strict);
  expect((await login({ email, password: PASSWORD, actor: somewhere() })).enrolmentRequired).toBe(false);
  expect((await mfa.status(id)).required).toBe(false);
});

test('whoever has not proven the address of the account adds the required factor, and no other', async () => {
  const { accounts, mfa } = await strict;
  const account = { email: newEmail(), password: PASSWORD, roles: ['user', 'admin'] };
  const { id } = await accounts.create(account, at(null));
  const { id: begun, secret } = await mfa.totp.begin(id, 'Watch');
  await enrolTotp(await strict, id);
  const confirmed = mfa.totp.confirm(id, begun, codeOf(secret), at(null));
  expect(await errorOf(confirmed)).toMatchObject({ code: 'email_unverified' });
  for (const another of [mfa.totp.begin(id, 'Tablet'), mfa.passkeys.registrationOptions(id)])
    expect(await errorOf(another)).toMatchObject({ code: 'email_unverified' });
  await accounts.update(id, { emailVerified: true }, operator);
  await enrolTotp(await strict, id, 'Tablet');
  expect((await mfa.status(id)).totp).toHaveLength(2);
});

test('a login may change factors for ten minutes, with a second factor if the account had one by then', async () => {
  const { mfa } = await strict;
  const [ONE, TWO] = ['urn:postern:acr:1fa', 'urn:postern:acr:2fa'];
  const { id } = await person(await strict);
  const after = (seconds: number, acr: string | undefined = ONE) =>
    mfa.lacking(id, { authTime: Math.floor(NOW / 1000) + seconds, acr });
  expect(await after(-599)).toBeNull();
  expect(await after(-600)).toEqual({ maxAge: 600, acr: null });
  await enrolTotp(await strict, id);
  // The factor was added after that login.
  expect(await after(-599)).toBeNull();
  expect(await after(-600)).toEqual({ maxAge: 600, acr: TWO });
  expect(await after(3600)).toEqual({ maxAge: 600, acr: TWO });
  expect(await after(3600, TWO)).toBeNull();
  expect(await mfa.lacking(id, { authTime: undefined, acr: undefined })).toEqual({ maxAge: 600, acr: TWO });
});
