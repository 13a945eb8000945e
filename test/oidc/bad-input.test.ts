import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { authorizationUrl, form, signIn } from './support/flow.ts';
import { expectNoFailure } from '../support/failures.ts';
import { type Client, type Person, type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

/** Values that break programs. */
const HOSTILE: [string, string][] = [
  ['a NUL byte', 'a\0b'],
  ['a lone surrogate', 'a\ud800b'],
  ['a line break', 'a\r\nSet-Cookie: x=y'],
  ['markup', '"><script>alert(1)</script>'],
  ['SQL', `' or 1=1; drop table users; --`],
  ['an overlong value', 'x'.repeat(20_000)],
  ['emptiness', ''],
  ['__proto__', '__proto__'],
];

describe('hostile input', () => {
  let provider: Provider;
  let client: Client;
  let spa: Client;
  let person: Person;
  let agent: UserAgent;
  beforeAll(async () => {
    provider = await startProvider();
    [client, spa, person] = await Promise.all([
      provider.createClient(),
      provider.createClient({}, { isPublic: true }),
      provider.createPerson(),
    ]);
    agent = new UserAgent(provider.url);
    await signIn(provider, client, person, { agent });
  });
  afterAll(() => expectNoFailure(provider.postern));

  const basic = () => `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
  const send = async (path: string, init: RequestInit) => {
    const reply = await fetch(`${provider.url}${path}`, { redirect: 'manual', ...init });
    const body = await reply.text();
    expect(body).not.toMatch(/\bat .*\.[jt]s:\d+|node_modules|\/src\//);
    return { status: reply.status, body, headers: reply.headers };
  };
  const post = (path: string, body: string | URLSearchParams, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', headers: { authorization: basic(), ...headers }, body });

  describe.each(HOSTILE)('with %s', (_what, value) => {
    it.each([
      ['token', { grant_type: value }, /invalid_request|unsupported_grant_type/],
      [
        'token',
        { grant_type: 'authorization_code', code: value, redirect_uri: REDIRECT_URI },
        /invalid_(request|grant)/,
      ],
      ['token', { grant_type: 'refresh_token', refresh_token: value }, /invalid_(request|grant)/],
      [
        'token',
        { grant_type: 'refresh_token', refresh_token: 'x', scope: value },
        /invalid_(request|grant|scope)/,
      ],
      ['par', { redirect_uri: value, response_type: 'code' }, /invalid_(request|redirect_uri)/],
    ])('is refused by %s (%j)', async (endpoint, parameters, error) => {
      const { status, body } = await post(`/oauth2/${endpoint}`, form(parameters));
      expect([400, 401, 413]).toContain(status);
      expect(JSON.parse(body)).toMatchObject({ error: expect.stringMatching(error) });
    });

    it('as a token gets no information from introspection and revocation', async () => {
      const introspected = await post('/oauth2/introspect', form({ token: value }));
      expect([200, 400]).toContain(introspected.status);
      if (introspected.status === 200) expect(JSON.parse(introspected.body)).toEqual({ active: false });
      expect([200, 400]).toContain((await post('/oauth2/revoke', form({ token: value }))).status);
    });

    it('as a client_id is unknown', async () => {
      const body = form({ grant_type: 'client_credentials', client_id: value, client_secret: value });
      const { status } = await send('/oauth2/token', { method: 'POST', body });
      expect([400, 401]).toContain(status);
      const page = await send(
        `/oauth2/authorize?${form({ client_id: value, response_type: 'code' }).toString()}`,
        {
          headers: { accept: 'text/html' },
        },
      );
      expect([400, 431]).toContain(page.status);
      expect(page.body).not.toContain('<script>alert');
    });

    it('as a client_id of a browser that is signed in is unknown', async () => {
      const query = form({ client_id: value, response_type: 'code' }).toString();
      const page = await agent.open(`/oauth2/authorize?${query}`);
      expect([400, 431]).toContain(page.status);
      expect(page.html).not.toContain('<script>alert');
    });

    it.each([
      'redirect_uri',
      'response_type',
      'scope',
      'state',
      'nonce',
      'prompt',
      'login_hint',
      'ui_locales',
      'max_age',
      'claims',
      'code_challenge',
      'code_challenge_method',
      'id_token_hint',
      'acr_values',
      'resource',
      'response_mode',
      'request_uri',
      'request',
    ])('as the parameter %s gets a reply by the specification', async (name) => {
      const page = await agent.open(
        authorizationUrl(provider, client, {}).replace(
          new RegExp(`&${name}=[^&]*|$`),
          `&${form({ [name]: value }).toString()}`,
        ),
      );
      expect(page.status).toBeLessThan(500);
      if (page.leftFor) expect(page.leftFor.href).toMatch(new RegExp(`^${REDIRECT_URI}[?#]`));
      expect(page.html).not.toContain('<script>alert');
    });

    it.each(['/sign-in', '/register'])('at %s shows the form again with the problem', async (path) => {
      const page = await agent.open(path);
      const reply = await agent.submit(page, {
        identifier: value,
        email: value,
        username: value,
        name: value,
        password: value || 'x',
      });
      expect([400, 401, 413, 429]).toContain(reply.status);
      expect(reply.html).not.toContain('<script>alert');
    });

    it('as a cookie is ignored', async () => {
      const part = encodeURIComponent(value.slice(0, 1_000).toWellFormed());
      const cookie = `postern_session=${part}; postern_session.sig=${part}; postern_csrf=${part}`;
      const { status } = await send('/', { headers: { cookie } });
      expect(status).toBe(200);
    });
  });

  it.each([
    ['JSON', 'application/json', '{"grant_type":"refresh_token"}'],
    ['broken JSON', 'application/json', '{"grant'],
    ['a multipart form', 'multipart/form-data; boundary=x', '--x\r\n\r\n--x--'],
    ['plain text', 'text/plain', 'grant_type=refresh_token'],
    ['no content type', '', 'grant_type=refresh_token'],
    ['a character set that is none', 'application/x-www-form-urlencoded; charset=klingon', 'grant_type=x'],
    ['a content encoding that is none', 'application/x-www-form-urlencoded', 'grant_type=x'],
  ])('of the wrong type: %s is refused by the token endpoint', async (what, type, body) => {
    const encoding: Record<string, string> = what.includes('encoding') ? { 'content-encoding': 'rot13' } : {};
    const { status, body: answer } = await post('/oauth2/token', body, { 'content-type': type, ...encoding });
    expect([400, 415]).toContain(status);
    expect(JSON.parse(answer)).toMatchObject({ error: expect.any(String) });
  });

  it.each(['/sign-in', '/register', '/sign-out', '/interaction/none/sign-in'])(
    'of the wrong type is refused by the form at %s',
    async (path) => {
      const { status } = await post(path, '{}', { 'content-type': 'application/json' });
      expect([400, 415]).toContain(status);
    },
  );

  it.each([
    ['no credentials', ''],
    ['a wrong secret', `Basic ${Buffer.from('CLIENT:wrong').toString('base64')}`],
    ['no colon', `Basic ${Buffer.from('CLIENT').toString('base64')}`],
    ['invalid Base64', 'Basic %%%'],
    ['a broken escape', `Basic ${Buffer.from('%zz:%zz').toString('base64')}`],
    ['another scheme', 'Digest CLIENT'],
    ['a bearer token', 'Bearer CLIENT'],
  ])('in client authentication is refused: %s', async (_what, authorization) => {
    const withId = authorization.startsWith('Basic ')
      ? `Basic ${Buffer.from(Buffer.from(authorization.slice(6), 'base64').toString().replace('CLIENT', client.id)).toString('base64')}`
      : authorization;
    const { status, body } = await send('/oauth2/token', {
      method: 'POST',
      headers: withId ? { authorization: withId } : {},
      body: form({ grant_type: 'client_credentials' }),
    });
    expect([400, 401]).toContain(status);
    expect(JSON.parse(body)).toMatchObject({ error: expect.stringMatching(/invalid_(client|request)/) });
  });

  it('cannot make a public client get tokens that need a secret, nor a confidential one without it', async () => {
    const refused = { status: 400 };
    expect(
      await send('/oauth2/token', {
        method: 'POST',
        body: form({ grant_type: 'client_credentials', client_id: spa.id }),
      }),
    ).toMatchObject(refused);
    const { status } = await send('/oauth2/token', {
      method: 'POST',
      body: form({ grant_type: 'refresh_token', refresh_token: 'x', client_id: client.id }),
    });
    expect(status).toBe(401);
  });

  it.each([
    '/oauth2/authorize',
    '/oauth2/token',
    '/oauth2/nothing',
    '/oauth2/authorize/none',
    '/interaction/none',
    '/interaction/none/consent',
    '/nothing',
    '/assets/../package.json',
    '/assets/%2e%2e/package.json',
    '/%00',
    '/%zz',
    '//attacker.example.test/',
    '/oauth2/logout/confirm',
    '/assets/postern.css/x',
  ])('in the path %s gets an error page', async (path) => {
    const { status, headers } = await send(path, { headers: { accept: 'text/html' } });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(headers.get('location')).toBeNull();
  });

  it.each(['DELETE', 'PUT', 'PATCH', 'TRACE-LIKE'])('by the method %s is refused', async (method) => {
    for (const path of ['/oauth2/token', '/sign-in', '/', '/.well-known/openid-configuration']) {
      const { status } = await send(path, { method });
      expect([400, 404, 405, 501]).toContain(status);
    }
  });

  it('in the session cookie, signed by another key or unsigned, signs nobody in', async () => {
    const [, id = ''] = /postern_session=([^;]+)/.exec(agent.cookies('/')) ?? [];
    const [, signature = ''] = /postern_session\.sig=([^;]+)/.exec(agent.cookies('/')) ?? [];
    const shown = async (cookie: string) =>
      (await send('/', { headers: { cookie } })).body.includes(person.email);
    expect(await shown(`postern_session=${id}; postern_session.sig=${signature}`)).toBe(true);
    expect(await shown(`postern_session=${id}`)).toBe(false);
    expect(await shown(`postern_session=${id}; postern_session.sig=${'A'.repeat(signature.length)}`)).toBe(
      false,
    );
    const other = `${id.slice(0, -1)}${id.endsWith('x') ? 'y' : 'x'}`;
    expect(await shown(`postern_session=${other}; postern_session.sig=${signature}`)).toBe(false);
  });

  it('in a form without its CSRF token or from another site has no effect', async () => {
    const page = await agent.open('/');
    const forged = { ...page, html: page.html.replace(/(name="csrf" value=")[^"]*/, '$1forged') };
    expect((await agent.submit(forged, {}, '/sign-out')).status).toBe(403);
    const elsewhere = await send('/sign-out', {
      method: 'POST',
      headers: { 'cookie': agent.cookies('/'), 'sec-fetch-site': 'cross-site' },
      body: form({ csrf: /name="csrf" value="([^"]*)/.exec(page.html)?.[1] ?? '' }),
    });
    expect(elsewhere.status).toBe(403);
    expect((await agent.open('/')).html).toContain(person.email);
  });

  it.each([
    ['not HTTP', 'hello\r\n\r\n'],
    [
      'two Content-Length headers',
      'POST /oauth2/token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc',
    ],
    [
      'Content-Length and chunks',
      'POST /oauth2/token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    [
      'two Host headers',
      'GET /sign-in HTTP/1.1\r\nHost: HOST\r\nHost: attacker.example.test\r\nConnection: close\r\n\r\n',
    ],
    ['endless headers', `GET / HTTP/1.1\r\nHost: HOST\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`],
    [
      'a target on another host',
      'GET http://attacker.example.test/sign-in HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n',
    ],
  ])('in the HTTP request, %s, is answered and has no effect', async (_what, bytes) => {
    const { port } = provider.postern;
    const socket = connect(port, 'localhost');
    socket.on('error', () => undefined);
    socket.end(bytes.replace('HOST', `localhost:${port}`));
    const answer = await text(socket).catch(() => '');
    expect(answer).not.toContain('HTTP/1.1 5');
    expect(answer).not.toContain('http://attacker');
    expect((await fetch(`${provider.url}/livez`)).status).toBe(200);
  });
});
