import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type MovableTime, movableTime } from '../support/clock.ts';
import { DEVICE } from './support/device.ts';
import {
  answer,
  authorizationUrl,
  authorize,
  exchange,
  post,
  push,
  pushedUrl,
  refresh,
  signIn,
  userinfo,
  VERIFIER,
} from './support/flow.ts';
import {
  type Client,
  type Person,
  type Provider,
  REDIRECT_URI,
  startProvider,
  STORES,
} from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

describe.each(STORES)('an authorization code on %s', (stores) => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  let agent: UserAgent;
  let time: MovableTime;
  beforeAll(async () => {
    time = await movableTime();
    const settings = { http: { trustedProxies: ['loopback'] } };
    provider = await startProvider({ stores, settings, ...time.server });
    [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    agent = new UserAgent(provider.url);
  });

  it('is for the account that the person switched to', async () => {
    const [one, other] = [await provider.createPerson(), await provider.createPerson()];
    const browser = new UserAgent(provider.url);
    const values = { identifier: one.email, password: one.password };
    await browser.submit(await browser.open('/sign-in'), values, '/sign-in');
    const consent = await browser.open(authorizationUrl(provider, client));
    expect(consent.html).toContain(one.email);
    // The button submits the form to another action.
    const action = /formaction="([^"]*\/switch)"/.exec(consent.html)?.[1] ?? '';
    const html = consent.html.replace(/action="[^"]*\/consent"/, `action="${action}"`);
    const form = await browser.submit({ ...consent, html }, {}, '/switch');
    const again = { identifier: other.email, password: other.password };
    const { leftFor } = await answer(browser, await browser.submit(form, again, '/sign-in'), other);
    const { body } = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
    expect(decodeJwt(body.id_token).sub).toBe(other.id);
  });

  it('comes with state and iss, and is exchanged for tokens', async () => {
    const answered = await authorize(provider, agent, client, person);
    expect(Object.fromEntries(answered)).toEqual({
      code: expect.any(String),
      state: 'a-state',
      iss: provider.url,
    });
    const { status, headers, body } = await exchange(provider, client, answered.get('code') ?? '');
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      id_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 1800,
      scope: 'openid profile email',
    });
    expect((await userinfo(provider, body.access_token)).body).toMatchObject({
      sub: person.id,
      name: 'Ada Lovelace',
      preferred_username: person.username,
      email: person.email,
      email_verified: true,
    });
  });

  it('used again later ends the tokens that it issued', async () => {
    const code = (await authorize(provider, agent, client, person)).get('code') ?? '';
    const { body } = await exchange(provider, client, code);
    await time.advance(1.1);
    expect(await exchange(provider, client, code)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await userinfo(provider, body.access_token)).toMatchObject({ status: 401 });
    expect(await refresh(provider, client, body.refresh_token)).toMatchObject({ status: 400 });
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['another verifier', { code_verifier: 'x'.repeat(43) }, {}],
    ['no verifier', { code_verifier: '' }, {}],
    ['another redirect URI', { redirect_uri: `${REDIRECT_URI}/` }, {}],
    ['the same parameters from another address', {}, { 'X-Forwarded-For': '203.0.113.9' }],
  ])('used in parallel with %s ends the tokens that it issued', async (_what, parameters, headers) => {
    const code = (await authorize(provider, agent, client, person)).get('code') ?? '';
    const { body } = await exchange(provider, client, code);
    expect(await exchange(provider, client, code, parameters, headers)).toMatchObject({ status: 400 });
    expect(await userinfo(provider, body.access_token)).toMatchObject({ status: 401 });
    expect(await refresh(provider, client, body.refresh_token)).toMatchObject({ status: 400 });
  });

  it('used by another client ends the tokens that it issued', async () => {
    const other = await provider.createClient();
    const code = (await authorize(provider, agent, client, person)).get('code') ?? '';
    const { body } = await exchange(provider, client, code);
    expect(await exchange(provider, other, code)).toMatchObject({ body: { error: 'invalid_grant' } });
    expect(await userinfo(provider, body.access_token)).toMatchObject({ status: 401 });
  });

  it('is refused with another verifier, another redirect URI, or to another client', async () => {
    const other = await provider.createClient();
    const code = async () => (await authorize(provider, agent, client, person)).get('code') ?? '';
    const refused = { status: 400, body: { error: 'invalid_grant' } };
    expect(await exchange(provider, client, await code(), { code_verifier: 'x'.repeat(43) })).toMatchObject(
      refused,
    );
    expect(
      await exchange(provider, client, await code(), { redirect_uri: `${REDIRECT_URI}/` }),
    ).toMatchObject(refused);
    expect(await exchange(provider, other, await code())).toMatchObject(refused);
  });
});

describe('an authorization request', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  let agent: UserAgent;
  beforeAll(async () => {
    provider = await startProvider({ stores: 'PostgreSQL' });
    [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    agent = new UserAgent(provider.url);
    await signIn(provider, client, person, { agent });
  });

  it.each([
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
    ['the plain method', { code_challenge: VERIFIER, code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method, which means plain', { code_challenge_method: '' }, 'invalid_request'],
    ['an invalid challenge', { code_challenge: 'short' }, 'invalid_request'],
    ['the implicit flow', { response_type: 'token', state: 's' }, 'unsupported_response_type'],
    ['the hybrid flow', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['an unknown API', { resource: 'https://nowhere.example.test' }, 'invalid_target'],
    ['claims that are not JSON', { claims: '{' }, 'invalid_request'],
    ['prompt=none with another prompt', { prompt: 'none login' }, 'invalid_request'],
    ['an unknown prompt', { prompt: 'dance' }, 'invalid_request'],
    ['a max_age that is not a number', { max_age: 'old' }, 'invalid_request'],
    ['an unsigned request object', { request: 'e30.e30.' }, 'invalid_request_object'],
  ])('with %s is refused by redirect to the client', async (_what, parameters, error) => {
    const { leftFor } = await agent.open(authorizationUrl(provider, client, parameters));
    const answered = new URLSearchParams(leftFor?.search || leftFor?.hash.slice(1));
    expect(leftFor?.href.split(/[?#]/)[0]).toBe(REDIRECT_URI);
    expect(Object.fromEntries(answered)).toMatchObject({ error, iss: provider.url });
  });

  it.each([
    ['another path', `${REDIRECT_URI}/more`],
    ['an extra query', `${REDIRECT_URI}?next=1`],
    ['another case', 'https://app.example.test/Callback'],
    ['a trailing dot', 'https://app.example.test./callback'],
    ['user information', 'https://app.example.test@attacker.example.test/callback'],
    ['another port', 'https://app.example.test:8443/callback'],
    ['an encoded path', 'https://app.example.test/%63allback'],
    ['dots in the path', 'https://app.example.test/a/../callback'],
    ['a fragment', `${REDIRECT_URI}#here`],
    ['no value', ''],
  ])('whose redirect URI has %s leads to no client', async (_what, uri) => {
    const page = await agent.open(authorizationUrl(provider, client, { redirect_uri: uri }));
    expect(page).toMatchObject({ status: 400, leftFor: null });
    expect(page.html).toContain('invalid_re');
  });

  it('of a native app may use any port of the loopback interface (RFC 8252)', async () => {
    const native = await provider.createClient(
      {
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'com.example.app:/callback'],
      },
      { isPublic: true },
    );
    for (const uri of [
      'http://127.0.0.1:50123/callback',
      'http://[::1]:50123/callback',
      'com.example.app:/callback',
    ]) {
      const answered = await authorize(provider, agent, native, person, { redirect_uri: uri });
      const { status } = await exchange(provider, native, answered.get('code') ?? '', { redirect_uri: uri });
      expect(status).toBe(200);
    }
    for (const uri of [
      'http://127.0.0.1:50123/other',
      'http://127.0.0.2:50123/callback',
      'http://10.0.0.1/callback',
    ]) {
      const page = await agent.open(authorizationUrl(provider, native, { redirect_uri: uri }));
      expect(page).toMatchObject({ status: 400, leftFor: null });
    }
  });

  it.each<[string, object, Record<string, string>]>([
    ['whose metadata says so', { require_pkce: false }, {}],
    ['with a secret that sends a nonce', {}, { nonce: 'n-0S6_WzA2Mj' }],
  ])('of a client %s needs no PKCE', async (_, metadata, parameters) => {
    const lenient = await provider.createClient({ ...metadata });
    const answered = await authorize(provider, agent, lenient, person, {
      code_challenge: '',
      code_challenge_method: '',
      ...parameters,
    });
    const { status } = await post(provider, 'token', lenient, {
      grant_type: 'authorization_code',
      code: answered.get('code') ?? '',
      redirect_uri: REDIRECT_URI,
    });
    expect(status).toBe(200);
  });

  it.each<[string, object, Record<string, string>, RegExp]>([
    ['what its client registered', { scope: 'openid email offline_access' }, {}, /^openid email$/],
    [
      'what its client registered for its API',
      { scope: 'openid me:data:read me:delete' },
      {},
      /^openid me:data:read me:delete$/,
    ],
    [
      'all scopes of the API that it names',
      {},
      { resource: 'API' },
      /^me:profile:read me:profile:write .*me:delete$/,
    ],
  ])('without a scope is for %s', async (_, metadata, parameters, expected) => {
    const by = await provider.createClient({ ...metadata });
    const named = parameters['resource'] === undefined ? {} : { resource: `${provider.url}/api/v2` };
    const answered = await authorize(provider, agent, by, person, { scope: '', ...named });
    const { body } = await exchange(provider, by, answered.get('code') ?? '');
    expect(body.scope).toMatch(expected);
  });

  it('without a scope, of a client that registered none, is refused before any page', async () => {
    const visitor = new UserAgent(provider.url);
    const refused = {
      error: 'invalid_scope',
      error_description: expect.stringContaining('scope is missing'),
    };
    const { leftFor } = await visitor.open(authorizationUrl(provider, client, { scope: '' }));
    expect(Object.fromEntries(leftFor?.searchParams ?? [])).toMatchObject(refused);
    const { searchParams } = new URL(authorizationUrl(provider, client, { scope: '' }));
    expect(await post(provider, 'par', client, Object.fromEntries(searchParams))).toMatchObject({
      status: 400,
      body: refused,
    });
    const device = await provider.createClient({ ...DEVICE });
    expect(await post(provider, 'device_authorization', device, {})).toMatchObject({
      status: 400,
      body: refused,
    });
  });

  it('can be pushed, and its request_uri works once', async () => {
    const url = pushedUrl(provider, client, await push(provider, client));
    expect((await agent.open(url)).leftFor?.searchParams.get('code')).toEqual(expect.any(String));
    const again = await agent.open(url);
    // Its use is recorded after the reply: a request before that gets the error at the client, not on a page.
    if (again.leftFor) expect(again.leftFor.searchParams.get('error')).toBe('invalid_request_uri');
    else expect(again).toMatchObject({ status: 400, html: expect.stringContaining('invalid_request_uri') });
  });

  it('with prompt=none is answered from the session, or with an error that says what is missing', async () => {
    const silent = async (browser: UserAgent, by: Client) =>
      (await browser.open(authorizationUrl(provider, by, { prompt: 'none' }))).leftFor?.searchParams;
    expect((await silent(agent, client))?.get('code')).toEqual(expect.any(String));
    expect((await silent(agent, await provider.createClient()))?.get('error')).toBe('consent_required');
    expect((await silent(new UserAgent(provider.url), client))?.get('error')).toBe('login_required');
  });

  it('of a first-party client needs no consent', async () => {
    const own = await provider.createClient({ first_party: true });
    const { leftFor } = await agent.open(authorizationUrl(provider, own));
    expect(leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  });

  it('with claims beyond its scopes asks in the words of the scope that they belong to', async () => {
    const claims = JSON.stringify({ userinfo: { email: null } });
    const curious = await provider.createClient();
    const page = await agent.open(authorizationUrl(provider, curious, { scope: 'openid', claims }));
    expect(page.html).toContain(person.email);
    expect(page.html).toContain('See your email address');
    expect(page.html).not.toContain('See your profile');
  });

  it('with claims returns them in ID token or userinfo as requested', async () => {
    const claims = JSON.stringify({
      id_token: { email: { essential: true }, auth_time: null },
      userinfo: { preferred_username: null },
    });
    const parameters = { scope: 'openid', claims };
    const tokens = await signIn(provider, client, person, { agent, parameters });
    expect(decodeJwt(tokens.id_token)).toMatchObject({ email: person.email, auth_time: expect.any(Number) });
    const { body } = await userinfo(provider, tokens.access_token);
    expect(body).toEqual({ sub: person.id, preferred_username: person.username });
  });
});
