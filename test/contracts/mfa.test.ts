import { beforeAll, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { generateSync } from 'otplib';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { systemActor } from '../../src/core/actor.ts';
import { type ContractServer, startContractServer } from './support/server.ts';
import { flows, type Name, names } from './support/members.ts';

/** The operation that logs in, and how it identifies accounts. */
const LOGINS: Record<Name, { operation: string; by: 'username' | 'email' }> = {
  keyed: { operation: 'login', by: 'username' },
  cookie: { operation: 'token', by: 'username' },
  flask: { operation: 'login', by: 'email' },
  gateway: { operation: 'login', by: 'username' },
  ppl: { operation: 'login', by: 'email' },
};

let server: ContractServer;
beforeAll(async () => {
  server = await startContractServer();
});

/** An account with an authenticator app, and its next code: unused, and valid for the next minute. */
async function somebody() {
  const { accounts, mfa } = server.operator;
  const person = newPerson();
  const { id } = await accounts.create(person, systemActor);
  const { id: enrolment, secret } = await mfa.totp.begin(id, 'Phone');
  const epoch = Math.floor(Date.now() / 1000);
  const code = generateSync({ secret, epoch });
  const { recoveryCodes } = await mfa.totp.confirm(id, enrolment, code, systemActor);
  return { person, otp: generateSync({ secret, epoch: epoch + 30 }), recoveryCode: recoveryCodes?.[0] };
}

test.each(names)('%s requires the second factor as otp, and accepts each code once', async (name) => {
  const { operation, by } = LOGINS[name];
  const { person, otp, recoveryCode } = await somebody();
  const { call } = server.visitor(name);
  const login = (more: object, status: number) =>
    call(operation, { body: { [by]: person[by], password: person.password, ...more } }, { status });

  const asked = await login({}, 401);
  expect(JSON.stringify(asked.body)).toContain('mfa_required');
  const wrongPassword = await login({ password: 'a wrong password', otp }, 401);
  expect(JSON.stringify(wrongPassword.body)).not.toContain('mfa_required');

  const { tokenIn } = flows[name];
  expect(decodeJwt((await login({ otp }, 200)).text(tokenIn))).toMatchObject({
    amr: ['pwd', 'otp', 'mfa'],
    acr: 'urn:postern:acr:2fa',
  });
  await login({ otp }, 401);
  await login({ otp: 'no code at all' }, 401);
  expect(decodeJwt((await login({ otp: recoveryCode }, 200)).text(tokenIn))).toMatchObject({
    amr: ['pwd', 'mfa'],
  });
  await login({ otp: recoveryCode }, 401);
});
