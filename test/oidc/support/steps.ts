/** Every step of a flow that works once, to be tried while a store is down and again when it is back. */
import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import { generateSync } from 'otplib';
import { systemActor } from '../../../src/core/actor.ts';
import type { Letters } from '../../account/support/mail.ts';
import { redeem, createService } from './assertions.ts';
import { askForLogin, openLoginRequests, POLL, pollLogin, approveLogin } from './ciba.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from './device.ts';
import {
  authorizationUrl,
  authorize,
  exchange,
  post,
  push,
  pushedUrl,
  refresh,
  signIn,
  VERIFIER,
} from './flow.ts';
import { assertion, ASSERTION_TYPE, newKeys, proof } from './proofs.ts';
import type { Client, Person, Provider } from './provider.ts';
import { APP, send } from './registration.ts';
import { type Page, UserAgent } from './user-agent.ts';

/** Repeats the same step. @returns the status, and whether the step succeeded. */
export type Attempt = () => Promise<{ status: number; done: boolean }>;

type Step = () => Promise<Attempt>;

export const API = 'https://api.example.test/';
const PASSWORD = 'an entirely new password';

/** Where all steps start: an agent that is signed in and has consented to the client's scopes. */
export interface StartingPoint {
  provider: Provider;
  letters: Letters;
  client: Client;
  person: Person;
  agent: UserAgent;
}

const asDone = ({ status }: { status: number }) => ({ status, done: status >= 200 && status < 300 });

/** A person with an authenticator app: its next code and a recovery code. */
async function withApp({ operator, createPerson }: Provider) {
  const person = await createPerson();
  const { id, secret } = await operator.mfa.totp.begin(person.id, 'Phone');
  const epoch = Math.floor(Date.now() / 1000);
  const code = generateSync({ secret, epoch });
  const { recoveryCodes } = await operator.mfa.totp.confirm(person.id, id, code, systemActor);
  return {
    ...person,
    otp: () => generateSync({ secret, epoch: epoch + 30 }),
    recovery: recoveryCodes?.[0] ?? '',
  };
}

/** Presses a button, and reloads a page that reports a failure. */
function press(agent: UserAgent, first: () => Promise<Page>, isDone: (page: Page) => boolean): Attempt {
  let again = first;
  return async () => {
    const page = await again();
    // Redirects are followed with GET, which a browser reloads. A failed form is sent again.
    const isForm = page.method === 'POST' || page.url.searchParams.has('flash');
    if (page.status >= 500 && !isForm) again = () => agent.open(page.url);
    return { status: page.status, done: isDone(page) };
  };
}

const isBack = ({ leftFor }: Page) => leftFor?.searchParams.has('code') ?? false;
const asks = ({ html }: Page) => html.includes('value="allow"');
const heads = (text: string) => (page: Page) => page.status === 200 && page.html.includes(text);

export function steps({ provider, letters, client, person, agent }: StartingPoint): Record<string, Step> {
  const { url } = provider;
  const codeOf = async (parameters: Record<string, string> = {}) =>
    (await authorize(provider, agent, client, person, parameters)).get('code') ?? '';
  const enter = async () => {
    const other = new UserAgent(url);
    const values = { identifier: person.email, password: person.password };
    await other.submit(await other.open('/sign-in'), values, '/sign-in');
    return other;
  };
  const newcomer = () => {
    const username = `user-${randomBytes(6).toString('hex')}`;
    return { username, email: `${username}@example.test`, password: PASSWORD };
  };
  const atGateway = (path: string, body: object): Attempt => {
    return async () => asDone(await send('POST', `${url}/contracts/gateway/api/v1/auth${path}`, { body }));
  };

  return {
    'code, opaque token': async () => {
      const code = await codeOf();
      return async () => asDone(await exchange(provider, client, code));
    },
    'code, JWT': async () => {
      const code = await codeOf({ resource: API, scope: 'openid read' });
      return async () => asDone(await exchange(provider, client, code, { resource: API }));
    },
    'code with a client assertion and a DPoP proof': async () => {
      const keys = await newKeys();
      const signing = await provider.createClient({
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [keys.publicJwk] },
      });
      const code = (await authorize(provider, new UserAgent(url), signing, person)).get('code') ?? '';
      const parameters = {
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: await assertion(provider, signing.id, keys),
        grant_type: 'authorization_code',
        code,
        redirect_uri: signing.redirectUri,
        code_verifier: VERIFIER,
      };
      const DPoP = await proof(provider, await newKeys());
      return async () =>
        asDone(await post(provider, 'token', { ...signing, secret: '' }, parameters, { DPoP }));
    },
    'refresh, opaque token': async () => {
      const { refresh_token: token } = await signIn(provider, client, person, { agent });
      return async () => asDone(await refresh(provider, client, token));
    },
    'refresh, JWT': async () => {
      const parameters = { resource: API, scope: 'openid read' };
      const { refresh_token: token } = await signIn(provider, client, person, { agent, parameters });
      return async () => asDone(await refresh(provider, client, token, { resource: API }));
    },
    'device code': async () => {
      const device = await provider.createClient(DEVICE, { isPublic: true });
      const codes = await beginDevice(provider, device);
      await approveDevice(provider, person, codes.user_code);
      return async () => asDone(await pollDevice(provider, device, codes.device_code));
    },
    'CIBA': async () => {
      const [app, someone] = await Promise.all([provider.createClient(POLL), provider.createPerson()]);
      const { body } = await askForLogin(provider, app, { login_hint: someone.email });
      await approveLogin(provider, someone);
      return async () => asDone(await pollLogin(provider, app, body.auth_req_id));
    },
    'JWT bearer assertion': async () => {
      const keys = await newKeys();
      const service = await createService(provider, { jwks: { keys: [keys.publicJwk] } });
      const signed = await assertion(provider, service.id, keys);
      return async () => asDone(await redeem(provider, service, signed));
    },
    'pushed request, signed in': async () => {
      const uri = await push(provider, client);
      return press(agent, () => agent.open(pushedUrl(provider, client, uri)), isBack);
    },
    'pushed request, sign-in': async () => {
      const [other, uri] = [new UserAgent(url), await push(provider, client)];
      const page = await other.open(pushedUrl(provider, client, uri));
      const values = { identifier: person.email, password: person.password };
      return press(other, () => other.submit(page, values, '/sign-in'), isBack);
    },
    'sign-in': async () => {
      const other = new UserAgent(url);
      const page = await other.open(authorizationUrl(provider, client));
      const values = { identifier: person.email, password: person.password };
      return press(other, () => other.submit(page, values, '/sign-in'), isBack);
    },
    'sign-in with a TOTP code': async () => {
      const [other, someone] = [new UserAgent(url), await withApp(provider)];
      const values = { identifier: someone.email, password: someone.password };
      const start = await other.open(authorizationUrl(provider, client));
      const page = await other.submit(start, values, '/sign-in');
      const code = someone.otp();
      return press(other, () => other.submit(page, { code }), asks);
    },
    'consent': async () => {
      const [other, app] = await Promise.all([enter(), provider.createClient()]);
      const page = await other.open(authorizationUrl(provider, app));
      return press(other, () => other.submit(page, { decision: 'allow' }, '/consent'), isBack);
    },
    'approval of a device': async () => {
      const [other, device] = await Promise.all([enter(), provider.createClient(DEVICE, { isPublic: true })]);
      const codes = await beginDevice(provider, device);
      const confirm = await other.submit(
        await other.open('/device'),
        { user_code: codes.user_code },
        '/device',
      );
      return press(other, () => other.submit(confirm, { confirm: 'yes' }, '/device'), asks);
    },
    'approval of a login': async () => {
      const [app, someone] = await Promise.all([provider.createClient(POLL), provider.createPerson()]);
      const { body } = await askForLogin(provider, app, { login_hint: someone.email });
      const { agent: other, page } = await openLoginRequests(provider, someone);
      const approve = press(
        other,
        () => other.submit(page, {}, '/approve'),
        () => true,
      );
      return async () => {
        const { status } = await approve();
        if (status >= 500) return { status, done: false };
        return asDone(await pollLogin(provider, app, body.auth_req_id));
      };
    },
    'reset link': async () => {
      const someone = await provider.createPerson();
      const other = new UserAgent(url);
      await other.submit(await other.open('/forgot-password'), { identifier: someone.email });
      const page = await other.open(await letters.link(someone.email, '/reset-password'));
      return press(
        other,
        () => other.submit(page, { password: PASSWORD }),
        heads('Your password is changed'),
      );
    },
    'undo link': async () => {
      const { username, email, password } = newcomer();
      const at = `${url}/contracts/ppl/api/v1`;
      const body = { email, password, name: username };
      const reply = await send('POST', `${at}/auth/register`, { body });
      const bearer = String(reply.body['access_token']);
      expect(await send('DELETE', `${at}/users/me`, { bearer })).toMatchObject({ status: 200 });
      const other = new UserAgent(url);
      const page = await other.open(await letters.link(email, '/undo', 'Your account was deleted'));
      return press(
        other,
        () => other.submit(page, { password: PASSWORD }),
        heads('Your account is yours again'),
      );
    },
    'registration link': async () => {
      const [other, { username, email, password }] = [new UserAgent(url), newcomer()];
      await other.submit(await other.open('/register'), { email });
      const page = await other.open(await letters.link(email, '/verify-email'));
      return press(other, () => other.submit(page, { username, password }), heads(email));
    },
    'verification link': async () => {
      const [other, { username, email, password }] = [new UserAgent(url), newcomer()];
      expect(await atGateway('/register', { username, email, password })()).toMatchObject({ done: true });
      const page = await other.open(await letters.link(email, '/verify-email'));
      return press(other, () => other.submit(page, { password }), heads(email));
    },
    'registration at a contract': async () => atGateway('/register', newcomer()),
    'refresh at a contract': async () => {
      const reply = await send('POST', `${url}/contracts/gateway/api/v1/auth/register`, { body: newcomer() });
      return atGateway('/refresh', { refreshToken: reply.body['refreshToken'] });
    },
    'TOTP at a contract': async () => {
      const { username, password, otp } = await withApp(provider);
      return atGateway('/login', { username, password, otp: otp() });
    },
    'recovery code at a contract': async () => {
      const { username, password, recovery } = await withApp(provider);
      return atGateway('/login', { username, password, otp: recovery });
    },
    'update of a registration': async () => {
      const { body } = await send('POST', `${url}/oauth2/register`, { body: APP });
      const { client_id, registration_access_token: bearer, registration_client_uri: uri } = body;
      const update = { ...APP, client_id, client_name: 'Another name', client_secret: body.client_secret };
      return async () => asDone(await send('PUT', uri, { bearer, body: update }));
    },
  };
}
