import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import {
  authorizationUrl,
  authorize,
  exchange,
  form,
  post,
  push,
  pushedUrl,
  signIn,
} from './support/flow.ts';
import { type Client, type Person, type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';
import { type Page, UserAgent } from './support/user-agent.ts';

/** Sections that no other test covers. docs/security.md lists all of them. */
describe('RFC 9700', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  let agent: UserAgent;
  let metadata: Record<string, string[]>;
  beforeAll(async () => {
    provider = await startProvider();
    [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
    agent = new UserAgent(provider.url);
    await signIn(provider, client, person, { agent });
    const reply = await fetch(`${provider.url}/.well-known/openid-configuration`);
    metadata = (await reply.json()) as Record<string, string[]>;
  });

  const without = { code_challenge: '', code_challenge_method: '' };
  const lenient = () => provider.createClient({ require_pkce: false });
  const answerTo = async (parameters: Record<string, string>, by = client) =>
    (await agent.open(authorizationUrl(provider, by, parameters))).leftFor;

  it('2.1.1 a public client must use PKCE, a confidential one PKCE or a nonce, also in a pushed request', async () => {
    const nonce = { nonce: 'n-0S6' };
    const open: [string, Client, Record<string, string>][] = [
      ['nonce', client, nonce],
      ['neither, when the operator says so', await lenient(), {}],
    ];
    const closed: [string, Client, Record<string, string>][] = [
      ['neither', client, {}],
      ['a nonce without openid', client, { ...nonce, scope: 'profile' }],
      ['an empty nonce', client, { nonce: '' }],
      ['a public client with a nonce', await provider.createClient({}, { isPublic: true }), nonce],
      ['a strict client with a nonce', await provider.createClient({ require_pkce: true }), nonce],
      ['OAuth 2.1 with a nonce', await provider.createClient({ profile: 'oauth2.1' }), nonce],
    ];
    for (const [what, by, more] of [...open, ...closed]) {
      const isOpen = open.some(([name]) => name === what);
      const left = await answerTo({ ...without, ...more, prompt: 'none' }, by);
      const told = left?.searchParams;
      expect([what, told?.get('error')]).toEqual([
        what,
        isOpen ? (by === client ? null : 'consent_required') : 'invalid_request',
      ]);
      const pushed = await post<{ error_description: string }>(provider, 'par', by, {
        client_id: by.id,
        redirect_uri: REDIRECT_URI,
        response_type: 'code',
        scope: 'openid',
        ...more,
      });
      expect([what, pushed.status]).toEqual([what, isOpen ? 201 : 400]);
      if (isOpen) continue;
      expect([what, told?.get('error_description')]).toEqual([what, pushed.body.error_description]);
      expect(pushed.body.error_description).toMatch(/PKCE|openid/);
    }
    expect(metadata['code_challenge_methods_supported']).toEqual(['S256']);
    await expect(provider.createClient({ require_pkce: false }, { isPublic: true })).rejects.toMatchObject({
      details: { reason: expect.stringMatching(/^require_pkce.*RFC 9700/) },
    });
  });

  it.each([
    'token',
    'id_token',
    'id_token token',
    'code token',
    'code id_token',
    'code id_token token',
    'none',
  ])('2.1.2 the authorization endpoint issues no token: response_type=%s is unsupported', async (type) => {
    expect(metadata['response_types_supported']).toEqual(['code']);
    const left = await answerTo({ response_type: type, nonce: 'n' });
    const answer = new URLSearchParams(left?.search || left?.hash.slice(1));
    expect(answer.get('error')).toBe('unsupported_response_type');
    expect(answer.has('access_token')).toBe(false);
  });

  it('2.4 there is no password grant, whatever a client registers', async () => {
    expect(metadata['grant_types_supported']).not.toContain('password');
    const reply = await post(provider, 'token', client, {
      grant_type: 'password',
      username: person.username,
      password: person.password,
    });
    expect(reply).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } });
    await expect(provider.createClient({ grant_types: ['password'] })).rejects.toThrow();
  });

  it('2.6 the authorization endpoint does not support CORS', async () => {
    const reply = await fetch(authorizationUrl(provider, client), {
      headers: { origin: new URL(REDIRECT_URI).origin },
      redirect: 'manual',
    });
    expect(reply.headers.get('access-control-allow-origin')).toBeNull();
  });

  /** The pages of a sign-in up to consent. */
  async function pages(): Promise<Page[]> {
    const visitor = new UserAgent(provider.url);
    const first = await visitor.open(authorizationUrl(provider, await provider.createClient()));
    const second = await visitor.submit(
      first,
      { identifier: person.email, password: person.password },
      '/sign-in',
    );
    expect(second.html).toContain('value="allow"');
    const failed = await visitor.open('/oauth2/authorize?client_id=nobody');
    return [first, second, failed, await visitor.open('/device'), await visitor.open('/oauth2/logout')];
  }

  it('4.2.4 pages send no Referer and load nothing from other sites', async () => {
    for (const { headers, html } of await pages()) {
      expect(headers.get('referrer-policy')).toMatch(/^(same-origin|no-referrer)$/);
      expect(headers.get('content-security-policy')).toContain(`default-src 'none'`);
      expect(html).not.toMatch(/<(?:script|img|link|iframe)\b[^>]*(?:src|href)="(?:https?:)?\/\//);
    }
  });

  it('4.3.2 an access token in a query is refused', async () => {
    const { access_token: token } = await signIn(provider, client, person, { agent });
    const reply = await fetch(`${provider.url}/oauth2/userinfo?access_token=${token}`);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('4.4.2.1 every response names its issuer, errors too, and metadata says so', async () => {
    expect(metadata['authorization_response_iss_parameter_supported']).toBe(true);
    for (const parameters of [{}, { prompt: 'dance' }, { response_mode: 'fragment' }]) {
      const left = await answerTo(parameters);
      const answer = new URLSearchParams(left?.search || left?.hash.slice(1));
      expect(answer.get('iss')).toBe(provider.url);
    }
  });

  it('4.5.3.1 a code is refused without the verifier of its own request', async () => {
    const code = async () => (await authorize(provider, agent, client, person)).get('code') ?? '';
    for (const code_verifier of ['x'.repeat(43), ''])
      expect((await exchange(provider, client, await code(), { code_verifier })).status).toBe(400);
    const bare = await post(provider, 'token', client, {
      grant_type: 'authorization_code',
      code: await code(),
      redirect_uri: REDIRECT_URI,
    });
    expect(bare).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('4.5.3.2 the nonce of a request is in its ID token', async () => {
    const tokens = await signIn(provider, client, person, { agent, parameters: { nonce: 'of this one' } });
    expect(decodeJwt(tokens.id_token)['nonce']).toBe('of this one');
  });

  it('4.7.1 state is returned unchanged', async () => {
    const state = `a b+c&d=e%20"<>'ü\u{1f511}`;
    expect((await answerTo({ state }))?.searchParams.get('state')).toBe(state);
    expect((await answerTo({ state, prompt: 'dance' }))?.searchParams.get('state')).toBe(state);
  });

  it('4.8.2 a verifier is refused for a code that was requested without a challenge', async () => {
    const by = await lenient();
    const code = (await authorize(provider, agent, by, person, without)).get('code') ?? '';
    expect(await exchange(provider, by, code)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
  });

  it('4.11.2 a request with an invalid client or redirect URI does not redirect', async () => {
    const elsewhere = 'https://attacker.example.test/';
    for (const parameters of [
      { client_id: 'nobody', redirect_uri: elsewhere },
      { redirect_uri: elsewhere },
      { redirect_uri: elsewhere, prompt: 'none' },
      { redirect_uri: elsewhere, response_type: 'nothing' },
      { redirect_uri: elsewhere, scope: 'nothing' },
      { redirect_uri: 'javascript:alert(1)' },
    ]) {
      const page = await agent.open(authorizationUrl(provider, client, parameters));
      expect(page).toMatchObject({ status: 400, leftFor: null });
      expect(page.html).not.toMatch(/href="(?:https:\/\/attacker|javascript:)/);
    }
    for (const next of [elsewhere, '//attacker.example.test', '/account/../x']) {
      const visitor = new UserAgent(provider.url);
      const page = await visitor.open(`/sign-in?${form({ next }).toString()}`);
      const { email: identifier, password } = person;
      const { leftFor, url } = await visitor.submit(page, { identifier, password }, '/sign-in');
      expect([leftFor, url.pathname]).toEqual([null, '/account']);
    }
  });

  it('4.12 a redirect after a form is a 303, so that nothing is posted again', async () => {
    const visitor = new UserAgent(provider.url);
    const page = await visitor.open(authorizationUrl(provider, client));
    const action = /<form[^>]*action="([^"]*sign-in)"/.exec(page.html)?.[1] ?? '';
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.html)?.[1] ?? '';
    const reply = await fetch(new URL(action, page.url), {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: visitor.cookies(new URL(action, page.url).pathname) },
      body: form({ csrf, identifier: person.email, password: person.password }),
    });
    expect(reply.status).toBe(303);
  });

  it('4.15.1 client identifiers cannot be chosen and are never those of a person', async () => {
    const [own, other] = await Promise.all(
      [1, 2].map(() => provider.createClient({ grant_types: ['client_credentials'] })),
    );
    const { body } = await post<{ access_token: string }>(provider, 'token', own as Client, {
      grant_type: 'client_credentials',
    });
    expect(decodeJwt(body.access_token)).toMatchObject({ sub: own?.id, client_id: own?.id });
    expect(own?.id).not.toBe(other?.id);
    await expect(provider.createClient({ client_id: person.id })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
    });
  });

  it('4.16 no page can be framed', async () => {
    for (const { headers } of await pages()) {
      expect(headers.get('content-security-policy')).toContain(`frame-ancestors 'none'`);
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
  });

  it('4.17.2 no response is sent by postMessage', async () => {
    expect(metadata['response_modes_supported']).not.toContain('web_message');
    const left = await answerTo({ response_mode: 'web_message' });
    expect(left?.searchParams.has('code') ?? false).toBe(false);
  });

  it('4.1.3 a pushed request keeps its redirect URI, whatever parameters come with it', async () => {
    const url = pushedUrl(provider, client, await push(provider, client));
    const { leftFor } = await agent.open(`${url}&redirect_uri=https://attacker.example.test/`);
    expect(leftFor?.href.split('?')[0] ?? REDIRECT_URI).toBe(REDIRECT_URI);
  });
});
