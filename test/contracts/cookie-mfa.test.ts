import { beforeAll, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { systemActor } from '../../src/core/actor.ts';
import { sha256 } from '../../src/core/ids.ts';
import { type ContractServer, startContractServer } from './support/server.ts';
import { flows } from './support/members.ts';

let server: ContractServer;
beforeAll(async () => {
  server = await startContractServer();
});

/** An account at the contract `cookie` with its credentials. */
async function somebody() {
  const person = newPerson();
  await server.operator.accounts.create(person, systemActor);
  const { call } = server.visitor('cookie');
  const { username, password } = person;
  const answer = await call('token', { body: { username, password } }, { status: 200 });
  return { ...person, bearer: answer.text('access_token'), call };
}

test('at `cookie` an authenticator app is enrolled, required at the next login, and removed', async () => {
  const { username, password, bearer, call } = await somebody();
  const none = { enabled: false, required: false, totp: [], recovery_codes_left: 0 };
  await call('mfaStatus', { bearer }, { status: 200, body: none });

  const enrolment = await call('enrolTotp', { bearer, body: { name: 'Phone' } }, { status: 201 });
  expect(enrolment.text('otpauth_url')).toMatch(/^otpauth:\/\/totp\//);
  const params = { factor_id: enrolment.text('id') };
  await call('confirmTotp', { bearer, params, body: { code: '000000' } }, { status: 400 });
  const secret = enrolment.text('secret');
  const epoch = Math.floor(Date.now() / 1000);
  const code = generateSync({ secret, epoch });
  const confirmed = await call('confirmTotp', { bearer, params, body: { code } }, { status: 200 });
  expect((confirmed.body as { recovery_codes: string[] }).recovery_codes).toHaveLength(10);

  await call(
    'token',
    { body: { username, password } },
    { status: 401, body: { error: { code: 'mfa_required' } } },
  );
  const otp = generateSync({ secret, epoch: epoch + 30 });
  await call('token', { body: { username, password, otp } }, { status: 200 });

  const codes = await call('regenerateRecoveryCodes', { bearer }, { status: 201 });
  expect(codes.body).not.toEqual({
    recovery_codes: (confirmed.body as { recovery_codes: string[] }).recovery_codes,
  });
  await call('removeTotp', { bearer, params }, { status: 200 });
  await call('removeTotp', { bearer, params }, { status: 404 });
  await call('token', { body: { username, password } }, { status: 200 });
});

test('at `cookie` factors are out of reach for others and without a login', async () => {
  const owner = await somebody();
  const other = await somebody();
  const { call } = owner;
  const enrolment = await call(
    'enrolTotp',
    { bearer: owner.bearer, body: { name: 'Phone' } },
    { status: 201 },
  );
  const params = { factor_id: enrolment.text('id') };
  const code = generateSync({ secret: enrolment.text('secret') });
  await call('confirmTotp', { bearer: other.bearer, params, body: { code } }, { status: 404 });
  await call('removeTotp', { bearer: other.bearer, params }, { status: 404 });
  for (const id of ['none', '../..', '%00']) {
    await call('removeTotp', { bearer: owner.bearer, params: { factor_id: id } }, { status: 404 });
  }
  await call('mfaStatus', {}, { status: 401 });
});

test('at `cookie` an old login can list factors, but not add or regenerate any', async () => {
  const visitor = server.visitor('cookie');
  const { refreshToken } = await flows.cookie.join(visitor);
  // Backdates the login of the token by 15 minutes.
  await server.sql(
    `update oidc_records set payload = jsonb_set(payload::jsonb, '{authTime}', to_jsonb((payload->>'authTime')::int - 900))::json
     where model = 'RefreshToken' and id = $1`,
    [sha256(refreshToken)],
  );
  const refreshed = await flows.cookie.refresh!(visitor, refreshToken, 200);
  const bearer = refreshed.text('access_token');
  await visitor.call('mfaStatus', { bearer }, { status: 200 });
  const refused = { status: 401, body: { error: { details: { reason: 'fresh_login' } } } };
  await visitor.call('enrolTotp', { bearer, body: { name: 'Phone' } }, refused);
  await visitor.call('regenerateRecoveryCodes', { bearer }, refused);
});
