import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { systemActor } from '../../src/core/actor.ts';
import { connect } from '../api/support/client.ts';
import { visitorAt } from '../contracts/support/server.ts';
import { flows, type Name, names } from '../contracts/support/members.ts';
import { approveLogin, askForLogin, POLL, pollLogin } from '../oidc/support/ciba.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from '../oidc/support/device.ts';
import { authorizationUrl, atOnce, exchange, post, refresh, signIn, userinfo } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { freePort } from '../support/ports.ts';
import { startPostern } from '../support/postern.ts';

/** One node from before the second factor was required, and a node of the same service that requires it. */
let before: Provider;
let node: Pick<Provider, 'url'>;
let client: Client;
beforeAll(async () => {
  before = await startProvider();
  const { CONFIG_FILE: _file, ...env } = before.postern.env;
  const port = String(await freePort());
  const argon2 = { memory: 64, time: 1, parallelism: 1 };
  await startPostern({
    env: { ...env, PORT: port },
    settings: { passwords: { argon2 }, mfa: { requiredForRoles: ['user'] } },
  });
  node = { url: `http://localhost:${port}` };
  client = await before.createClient();
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const secretOn = ({ html }: Page) => /<code>([A-Z2-7 ]+)<\/code>/.exec(html)?.[1]?.replaceAll(' ', '') ?? '';
const codeOn = (page: Page) => generateSync({ secret: secretOn(page) });
const isIn = async (agent: UserAgent) => (await agent.open('/account')).url.pathname === '/account';
const factorsOf = async ({ id }: Person) => (await before.operator.mfa.status(id)).totp.length;

/** Signs in by password at the node that requires more, up to the page that sets up the factor. */
async function begin(person: Person, start: string | URL = '/sign-in') {
  const agent = new UserAgent(node.url);
  const values = { identifier: person.email, password: person.password };
  const page = await agent.submit(await agent.open(start), values, '/sign-in');
  expect(heading(page)).toBe('Protect your account first');
  return { agent, page };
}

/** Adds an authenticator app as well, up to the last redirect. */
async function enrol(person: Person) {
  const { agent, page } = await begin(person);
  const codes = await agent.submit(page, { code: codeOn(page) }, '/enrol');
  return { agent, onward: /href="([^"]*\/continue)"/.exec(codes.html)?.[1] ?? '' };
}

describe('an unfinished login kept by its browser', () => {
  test('adds no factor once the owner has one', async () => {
    const person = await before.createPerson();
    const stranger = await begin(person);
    const { agent, onward } = await enrol(person);
    expect((await agent.open(onward)).url.pathname).toBe('/account');

    const late = await stranger.agent.submit(stranger.page, { code: codeOn(stranger.page) }, '/enrol');
    expect(late.url.pathname).toBe('/sign-in');
    expect(await factorsOf(person)).toBe(1);
    expect(await isIn(stranger.agent)).toBe(false);
  });

  test('adds one factor, however many parallel requests there are', async () => {
    const person = await before.createPerson();
    const { agent, page } = await begin(person);
    await atOnce(5, () => agent.copy().submit(page, { code: codeOn(page) }, '/enrol'));
    expect(await factorsOf(person)).toBe(1);
  });

  test('signs in once, and not after a logout or a new password', async () => {
    const person = await before.createPerson();
    const { agent, onward } = await enrol(person);
    const copies = Array.from({ length: 5 }, () => agent.copy());
    const kept = agent.copy();
    const pages = await Promise.all(copies.map((copy) => copy.open(onward)));
    expect(pages.filter(({ url }) => url.pathname === '/account')).toHaveLength(1);
    expect((await kept.open(onward)).url.pathname).toBe('/sign-in');
    expect(await isIn(kept)).toBe(false);

    const other = await before.createPerson();
    const held = await enrol(other);
    await before.operator.accounts.setPassword(other.id, 'three other words', systemActor);
    expect((await held.agent.open(held.onward)).url.pathname).toBe('/sign-in');
    expect(await isIn(held.agent)).toBe(false);
  });

  test('ends with the account’s sessions', async () => {
    const person = await before.createPerson();
    const held = await enrol(person);
    await before.operator.accounts.suspend(person.id, systemActor);
    await before.operator.accounts.reactivate(person.id, systemActor);
    expect((await held.agent.open(held.onward)).url.pathname).toBe('/sign-in');
  });

  test('cannot be resumed in its authorization request after a new password', async () => {
    const person = await before.createPerson();
    const agent = new UserAgent(before.url);
    const page = await agent.open(authorizationUrl(before, client));
    const action = /<form[^>]*action="([^"]*\/sign-in)"/.exec(page.html)?.[1] ?? '';
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.html)?.[1] ?? '';
    const { status, headers } = await fetch(new URL(action, page.url), {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: agent.cookies(new URL(action, page.url).pathname) },
      body: new URLSearchParams({ csrf, identifier: person.email, password: person.password }),
    });
    expect(status).toBe(303);
    await before.operator.accounts.setPassword(person.id, 'three other words', systemActor);
    const resumed = await agent.open(headers.get('location') ?? '');
    expect([heading(resumed), resumed.leftFor]).toEqual(['Sign in', null]);
    expect(await isIn(agent)).toBe(false);
  });
});

describe('an account that must have a second factor but has none', () => {
  const visitor = (name: Name, apiKey?: string) => visitorAt(name, `${node.url}/contracts/${name}`, apiKey);

  test.each(['gateway', 'ppl'] as const)(
    'is not created by %s, whose registration would sign it in',
    async (name) => {
      const person = newPerson();
      const { username, ...rest } = person;
      const body = name === 'ppl' ? { ...rest, name: username } : person;
      await visitor(name).call('register', { body }, { status: 401 });
      expect(await before.operator.accounts.findByEmail(person.email)).toBeNull();
    },
  );

  test('is created by the other contracts, but cannot log in without the factor', async () => {
    const { key } = await before.operator.apiKeys.create({ name: 'tests' }, systemActor);
    for (const [name, operation] of [
      ['keyed', 'createUser'],
      ['cookie', 'register'],
      ['flask', 'createUser'],
    ] as const) {
      const person = newPerson();
      await visitor(name, key).call(operation, { body: person }, { status: 201 });
      const refused = await flows[name].login(visitor(name, key), person, 401);
      expect(JSON.stringify(refused.body)).toMatch(/mfa_required/i);
    }
  });

  test('sets one up when registering on the pages', async () => {
    const agent = new UserAgent(node.url);
    const { username, email, password } = newPerson();
    const page = await agent.submit(await agent.open('/register'), { username, email, password });
    expect(heading(page)).toBe('Protect your account first');
    expect(await isIn(agent)).toBe(false);
    const codes = await agent.submit(page, { code: codeOn(page) }, '/enrol');
    await agent.open(/href="([^"]*\/continue)"/.exec(codes.html)?.[1] ?? '');
    expect(await isIn(agent)).toBe(true);
  });

  describe('can no longer use what was issued before:', () => {
    let person: Person;
    beforeAll(async () => {
      person = await before.createPerson();
    });

    test('a session, which must sign in again', async () => {
      const agent = new UserAgent(before.url);
      await signIn(before, client, person, { agent });
      expect(await isIn(agent)).toBe(true);
      const there = agent.copy(node.url);
      expect((await there.open('/account')).url.pathname).toBe('/sign-in');
      const page = await there.open(authorizationUrl(node, client));
      expect([heading(page), page.leftFor]).toEqual(['Sign in', null]);
      const silent = await there.open(authorizationUrl(node, client, { prompt: 'none' }));
      expect(silent.leftFor?.searchParams.get('error')).toBe('login_required');
    });

    test('a code, a refresh token and an access token', async () => {
      const parameters = { scope: 'openid offline_access', prompt: 'consent' };
      const tokens = await signIn(before, client, person, { parameters });
      const refreshed = await refresh(node, client, tokens.refresh_token);
      expect([refreshed.status, refreshed.body]).toEqual([
        400,
        expect.objectContaining({ error: 'invalid_grant' }),
      ]);
      expect((await userinfo(node, tokens.access_token)).status).toBe(401);
    });

    test('an approved device code and an approved login request', async () => {
      const [device, asking] = await Promise.all([before.createClient(DEVICE), before.createClient(POLL)]);
      const codes = await beginDevice(before, device);
      await approveDevice(before, person, codes.user_code);
      expect((await pollDevice(node, device, codes.device_code)).body).toMatchObject({
        error: 'invalid_grant',
      });
      const asked = await askForLogin(before, asking, { login_hint: person.email });
      await approveLogin(before, person);
      expect((await pollLogin(node, asking, asked.body.auth_req_id)).body).toMatchObject({
        error: 'invalid_grant',
      });
    });

    test('a token to exchange', async () => {
      const audience = 'https://api.example.com/exchange';
      await before.createApi({ identifier: audience, scopes: ['read'] });
      const exchanger = await before.createClient({
        grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:token-exchange'],
        token_exchange: { audiences: [audience], impersonation: true },
      });
      const { access_token: token } = await signIn(before, exchanger, person, {
        parameters: { scope: 'openid read', resource: audience },
      });
      const parameters = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: audience,
      };
      expect((await post(before, 'token', exchanger, parameters)).status).toBe(200);
      expect((await post(node, 'token', exchanger, parameters)).body).toMatchObject({
        error: 'invalid_request',
      });
    });

    test('tokens and keys of contracts and of the API', async () => {
      const { key } = await before.operator.apiKeys.create({ name: 'tests' }, systemActor);
      for (const name of names) {
        const { join, use, refresh: renew } = flows[name];
        const member = await join(visitorAt(name, `${before.url}/contracts/${name}`, key));
        await use?.(visitor(name, key), member.token, 401);
        await renew?.(visitor(name, key), member.refreshToken, 401);
        if (name === 'gateway')
          await visitor(name).call(
            'validate',
            { body: { token: member.token } },
            { status: 200, body: { valid: false } },
          );
      }
      const own = await before.operator.apiKeys.create({ name: 'own', accountId: person.id }, systemActor);
      await visitor('cookie').call('me', { apiKey: own.key }, { status: 401 });

      const app = await connect(before, person, 'me:profile:read');
      expect((await app.call('GET', '/me')).status).toBe(200);
      const reply = await fetch(`${node.url}/api/v2/me`, {
        headers: { authorization: `Bearer ${app.tokens.access_token}` },
      });
      expect(reply.status).toBe(401);
      expect(reply.headers.get('www-authenticate')).toContain('acr_values="urn:postern:acr:2fa"');
    });

    test('(with the factor, an authorization request succeeds again)', async () => {
      const { page, agent } = await begin(person, authorizationUrl(node, client));
      const codes = await agent.submit(page, { code: codeOn(page) }, '/enrol');
      // The authorization request continues at the issuer's own address.
      const home = agent.copy(before.url);
      const done = await home.open(/href="([^"]*\/continue)"/.exec(codes.html)?.[1] ?? '');
      const left = done.leftFor ?? (await home.submit(done, { decision: 'allow' }, '/consent')).leftFor;
      const code = left?.searchParams.get('code') ?? '';
      expect((await exchange(node, client, code)).status).toBe(200);
    });
  });
});
