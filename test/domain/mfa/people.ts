/** Accounts with second factors in a domain. */
import { generateSync } from 'otplib';
import type { LoginStep } from '../../../src/domain/login.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { at, newEmail, operator, PUBLIC_URL, type Domain } from '../harness.ts';

export const PASSWORD = 'the right password';

/** When these tests run: their clocks stand still, so that no time step ends between two lines. */
export const NOW = Date.now();

let places = 0;
/** An address that was never used. */
export const somewhere = () =>
  at(`10.${Math.floor((places += 1) / 62_500)}.${Math.floor(places / 250) % 250}.${places % 250}`);

export interface Person {
  id: string;
  email: string;
}

export async function person({ accounts }: Domain, roles: string[] = ['user']): Promise<Person> {
  const { id, email } = await accounts.create({ email: newEmail(), password: PASSWORD, roles }, operator);
  return { id, email };
}

/** The code of an app, `steps` time steps from now. */
export const codeOf = (secret: string, steps = 0): string =>
  generateSync({ secret, epoch: Math.floor(NOW / 1000) + 30 * steps });

/** A code that the app shows neither in this time step nor in the ones before and after. */
export function wrongCode(secret: string): string {
  const right = new Set([-2, -1, 0, 1, 2].map((steps) => codeOf(secret, steps)));
  for (let code = 123_456; ; code += 1) if (!right.has(String(code))) return String(code);
}

/** Enrols an app with the code of the previous time step, so that the current one is unused. */
export async function enrolTotp({ mfa }: Domain, id: string, name = 'Phone') {
  const { id: enrolment, secret } = await mfa.totp.begin(id, name);
  const { authenticator, recoveryCodes } = await mfa.totp.confirm(
    id,
    enrolment,
    codeOf(secret, -1),
    at(null),
  );
  return { id: authenticator.id, secret, recoveryCodes: recoveryCodes ?? [] };
}

/** An account with an authenticator app. */
export async function appOwner(domain: Domain) {
  const { id, email } = await person(domain);
  const { id: totp, secret, recoveryCodes } = await enrolTotp(domain, id);
  return { id, email, totp, secret, recoveryCodes };
}

/** The pending login of an account after its password. */
export async function begin({ beginLogin }: Domain, email: string, device?: string): Promise<LoginStep> {
  const step = await beginLogin({ email, password: PASSWORD, device, actor: somewhere() });
  if (!('pending' in step)) throw new Error('the password was enough');
  return step.pending;
}

/** Registers a passkey on a new authenticator. */
export async function enrolPasskey({ mfa }: Domain, id: string, name = 'Laptop', ceremony = {}) {
  const authenticator = new Authenticator(PUBLIC_URL);
  const reply = authenticator.create(await mfa.passkeys.registrationOptions(id), ceremony);
  const { passkey, recoveryCodes } = await mfa.passkeys.register(id, reply, name, at(null));
  return { id: passkey.id, authenticator, recoveryCodes };
}
