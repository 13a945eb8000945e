import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { json } from '../cli/support/commands.ts';
import { until } from '../support/until.ts';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import type { ExplainedRefusal } from '../../src/domain/refusals.ts';
import { expectNoFailure } from '../support/failures.ts';
import { authorizationUrl, authorize, exchange, form, post, VERIFIER } from './support/flow.ts';
import { type Client, type Person, type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

interface Line {
  client_id: string | null;
  endpoint: string;
  error: string;
  parameter: string | null;
  value?: string;
  reason: string;
  requestId: string;
}

interface Diagnosis {
  refusals: (Line & { advice: string; count: number; request_id: string })[];
}

const shell = shellOperator(systemActor);
const SECRET = 'this-is-a-secret-0123456789';

let provider: Provider;
let client: Client;
let spa: Client;
let person: Person;
beforeAll(async () => {
  provider = await startProvider({ settings: { clientRegistration: { open: true } } });
  client = await provider.createClient({
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid profile email orders:read',
    redirect_uris: [REDIRECT_URI],
    response_types: ['code'],
  });
  spa = await provider.createClient({}, { isPublic: true });
  person = await provider.createPerson();
});
afterAll(() => expectNoFailure(provider.postern));

const refusals = (): Line[] =>
  provider.postern
    .output()
    .split('\n')
    .filter((line) => line.includes('"a request was refused"'))
    .map((line) => JSON.parse(line) as Line);

/** The log lines of a request. */
async function linesOf(reply: { headers: Headers }): Promise<Line[]> {
  const id = reply.headers.get('x-request-id');
  await until(() => refusals().some(({ requestId }) => requestId === id));
  return refusals().filter(({ requestId }) => requestId === id);
}

/** The stored refusals of a client, once there are enough. */
async function storedRefusals(id: string, isAll: (rows: ExplainedRefusal[]) => boolean) {
  let rows: ExplainedRefusal[] = [];
  await until(async () => isAll((rows = await provider.operator.refusals.ofClient(shell, id))));
  return rows;
}

const get = (parameters: Record<string, string>, of: Client = client) =>
  fetch(authorizationUrl(provider, of, parameters), { redirect: 'manual', headers: { accept: 'text/html' } });
const send = (path: string, init: RequestInit) =>
  fetch(`${provider.url}${path}`, { method: 'POST', redirect: 'manual', ...init });
const basic = (secret: string, id = client.id) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
const token = (parameters: Record<string, string>, headers: Record<string, string> = basic(client.secret)) =>
  send('/oauth2/token', { body: form(parameters), headers });
const logOut = (query: Record<string, string>) =>
  fetch(`${provider.url}/oauth2/logout?${form(query).toString()}`);
const register = (metadata: unknown) =>
  send('/oauth2/register', {
    body: JSON.stringify(metadata),
    headers: { 'content-type': 'application/json' },
  });

type Expected = [endpoint: string, error: string, parameter: string | null, reason: RegExp, value?: string];

describe('a refused request is one log line with the reason:', () => {
  it.each<[string, () => Promise<{ headers: Headers }>, Expected]>([
    [
      'an unknown redirect URI',
      () => get({ redirect_uri: `https://else.example.test/cb?token=${SECRET}` }),
      [
        'authorization',
        'invalid_redirect_uri',
        'redirect_uri',
        /did not match/,
        'https://else.example.test/cb',
      ],
    ],
    [
      'a scope that the client may not request',
      () => token({ grant_type: 'client_credentials', scope: 'orders:write' }),
      ['token', 'invalid_scope', 'scope', /not allowed/, 'orders:write'],
    ],
    [
      'no PKCE',
      () => get({ code_challenge: '', code_challenge_method: '' }, spa),
      ['authorization', 'invalid_request', 'code_challenge', /PKCE/],
    ],
    [
      'plain PKCE',
      () => get({ code_challenge_method: 'plain' }),
      ['authorization', 'invalid_request', 'code_challenge_method', /not supported/, 'plain'],
    ],
    [
      'the implicit flow',
      () => get({ response_type: 'id_token token', nonce: SECRET }),
      ['authorization', 'unsupported_response_type', 'response_type', /unsupported/, 'id_token token'],
    ],
    [
      'nobody signed in',
      () => get({ prompt: 'none' }),
      ['authorization', 'login_required', 'prompt', /authentication is required/, 'none'],
    ],
    [
      'an invalid request object',
      () => get({ request: SECRET }),
      ['authorization', 'invalid_request_object', 'request', /could not parse/],
    ],
    [
      'a wrong secret',
      () => token({ grant_type: 'client_credentials' }, basic(SECRET)),
      ['token', 'invalid_client', 'client_secret', /client authentication failed: invalid secret/],
    ],
    [
      'another authentication method',
      () => send('/oauth2/token', { body: form({ grant_type: 'client_credentials', client_id: client.id }) }),
      ['token', 'invalid_client', 'token_endpoint_auth_method', /does not match the registered/],
    ],
    [
      'the password grant',
      () => token({ grant_type: 'password', username: 'ada', password: SECRET }),
      ['token', 'unsupported_grant_type', 'grant_type', /unsupported/, 'password'],
    ],
    [
      'an unknown code',
      () =>
        token({
          grant_type: 'authorization_code',
          code: SECRET,
          redirect_uri: REDIRECT_URI,
          code_verifier: VERIFIER,
        }),
      ['token', 'invalid_grant', 'code', /authorization code not found/],
    ],
    [
      'an unknown refresh token',
      () => token({ grant_type: 'refresh_token', refresh_token: SECRET }),
      ['token', 'invalid_grant', 'refresh_token', /refresh token not found/],
    ],
    [
      'an unknown API',
      () => token({ grant_type: 'client_credentials', resource: `https://none.example.test/?x=${SECRET}` }),
      ['token', 'invalid_target', 'resource', /no API/, 'https://none.example.test/'],
    ],
    [
      'a secret in the query',
      () =>
        send(`/oauth2/token?client_secret=${SECRET}`, { body: form({ grant_type: 'client_credentials' }) }),
      ['token', 'invalid_request', 'client_secret', /must not be in the query/],
    ],
    [
      'JSON instead of a form',
      () =>
        send('/oauth2/token', {
          body: JSON.stringify({ secret: SECRET }),
          headers: { ...basic(client.secret), 'content-type': 'application/json' },
        }),
      ['token', 'invalid_request', 'Content-Type', /content-type bodies are supported/],
    ],
    [
      'a call from a page of another origin',
      () =>
        token(
          { grant_type: 'client_credentials' },
          { ...basic(client.secret), origin: 'https://evil.example.test' },
        ),
      ['token', 'invalid_request', 'Origin', /https:\/\/evil\.example\.test not allowed/],
    ],
    [
      'a wrong assertion',
      () =>
        token(
          {
            grant_type: 'client_credentials',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: SECRET,
          },
          {},
        ),
      ['token', 'invalid_request', 'client_assertion', /invalid client_assertion format/],
    ],
    [
      'a pushed request',
      () =>
        post(provider, 'par', client, {
          client_id: client.id,
          response_type: 'code',
          redirect_uri: 'https://else.example.test/',
        }),
      [
        'pushed_authorization_request',
        'invalid_request',
        'redirect_uri',
        /did not match|redirect_uri/,
        'https://else.example.test/',
      ],
    ],
    [
      'introspection without a token',
      () => post(provider, 'introspect', client, {}),
      ['introspection', 'invalid_request', 'token', /missing required parameter/],
    ],
    [
      'revocation with a wrong secret',
      () => post(provider, 'revoke', { ...client, secret: SECRET }, { token: SECRET }),
      ['revocation', 'invalid_client', 'client_secret', /invalid secret/],
    ],
    [
      'a device request that the client may not send',
      () => post(provider, 'device_authorization', client, { scope: 'openid' }),
      ['device_authorization', 'unauthorized_client', 'grant_type', /not allowed/],
    ],
    [
      'a CIBA request that the client may not send',
      () => post(provider, 'bc-authorize', client, { scope: 'openid', login_hint: SECRET }),
      ['backchannel_authentication', 'unauthorized_client', 'grant_type', /not allowed/],
    ],
    [
      'userinfo with an invalid token',
      () => send('/oauth2/userinfo', { headers: { authorization: `Bearer ${SECRET}` } }),
      ['userinfo', 'invalid_token', 'Authorization', /access token not found/],
    ],
    [
      'a logout with an unregistered redirect',
      () => logOut({ client_id: client.id, post_logout_redirect_uri: 'https://else.example.test/bye' }),
      [
        'end_session',
        'invalid_request',
        'post_logout_redirect_uri',
        /not registered/,
        'https://else.example.test/bye',
      ],
    ],
    [
      'metadata',
      () => register({ redirect_uris: ['https://a.example.test/'], grant_types: ['password'] }),
      ['registration', 'invalid_client_metadata', 'grant_types', /grant_types/],
    ],
    [
      'invalid redirect URIs in a registration',
      () => register({ redirect_uris: ['http://a.example.test/'] }),
      ['registration', 'invalid_redirect_uri', 'redirect_uris', /must be https/],
    ],
    [
      'a registration that is not JSON',
      () =>
        send('/oauth2/register', {
          body: `{"client_secret":"${SECRET}`,
          headers: { 'content-type': 'application/json' },
        }),
      ['registration', 'invalid_request', 'Content-Type', /failed to parse/],
    ],
  ])('%s', async (_what, request, [endpoint, error, parameter, reason, value]) => {
    const lines = await linesOf(await request());
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        endpoint,
        error,
        parameter,
        reason: expect.stringMatching(reason),
      }),
    ]);
    expect(lines[0]?.value).toBe(value);
  });
});

it('the log of a refused request contains no secret', () => {
  expect(provider.postern.output()).not.toContain(SECRET);
  expect(provider.postern.output()).not.toContain(VERIFIER);
});

it('the log of a refused request names the client, unless the client_id that was sent could be a secret', async () => {
  const known = await linesOf(await get({ redirect_uri: 'https://else.example.test/cb' }));
  expect(known).toMatchObject([{ client_id: client.id }]);
  const unknown = await linesOf(await get({}, { ...client, id: 'my-ap\r\nSet-Cookie: x' }));
  expect(unknown).toMatchObject(
    [
      {
        client_id: 'my-ap Set-Cookie: x',
        error: 'invalid_client',
        parameter: 'client_id',
        reason: /not found/,
      },
    ].map((line) => ({ ...line, reason: expect.stringMatching(line.reason) })),
  );
  // The id and the secret were swapped.
  const swapped = await linesOf(
    await token({ grant_type: 'client_credentials', client_id: SECRET, client_secret: client.id }, {}),
  );
  expect(swapped).toMatchObject([{ client_id: null, error: 'invalid_client', parameter: 'client_id' }]);
});

it('a protocol step that is not an error is not logged as a refusal', async () => {
  const before = refusals().length;
  const tv = await provider.createClient(
    { grant_types: ['urn:ietf:params:oauth:grant-type:device_code'], redirect_uris: [], response_types: [] },
    { isPublic: true },
  );
  const { body } = await post<{ device_code: string }>(provider, 'device_authorization', tv, {
    scope: 'openid',
  });
  const polled = await post(provider, 'token', tv, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: body.device_code,
  });
  expect(polled.body).toMatchObject({ error: 'authorization_pending' });
  const agent = new UserAgent(provider.url);
  const answered = await authorize(provider, agent, client, person);
  expect((await exchange(provider, client, answered.get('code') ?? '')).status).toBe(200);
  expect(refusals()).toHaveLength(before);
});

describe('postern client diagnose', () => {
  it('lists refused requests with what to do', async () => {
    const app = await provider.createClient({ redirect_uris: ['https://app.example.test/callback'] });
    await get({ redirect_uri: 'https://app.example.test/callback2' }, app);
    await get({ redirect_uri: 'https://app.example.test/callback2' }, app);
    await get({ redirect_uri: 'https://else.example.test/callback' }, app);
    const last = await token({ grant_type: 'client_credentials' }, basic(SECRET, app.id));
    await storedRefusals(app.id, (rows) => rows.length === 3);
    const { refusals: found } = await json<Diagnosis>(['client', 'diagnose', app.id], {
      env: provider.postern.env,
    });
    const add = `postern client update ${app.id} --redirect-uri https://app.example.test/callback --redirect-uri https://app.example.test/callback2`;
    expect(found).toEqual([
      expect.objectContaining({
        endpoint: 'token',
        error: 'invalid_client',
        parameter: 'client_secret',
        count: 1,
        request_id: last.headers.get('x-request-id'),
        advice: expect.stringContaining('postern client rotate-secret'),
      }),
      expect.objectContaining({
        value: 'https://else.example.test/callback',
        // The advice must not let a stranger in by copy and paste.
        advice: expect.not.stringContaining('else.example.test'),
      }),
      expect.objectContaining({
        error: 'invalid_redirect_uri',
        value: 'https://app.example.test/callback2',
        count: 2,
        advice: expect.stringContaining(add),
      }),
    ]);
  });

  it('stores only a few of them, however many strangers cause, and none for an unknown client', async () => {
    const app = await provider.createClient();
    const early = await token({ grant_type: 'password' }, basic(app.secret, app.id));
    expect(early.status).toBe(400);
    await storedRefusals(app.id, (rows) => rows.length === 1);
    const made = Array.from({ length: 60 }, (_, index) =>
      get({ redirect_uri: `https://${index}.example.test/${'x'.repeat(3_000)}` }, app),
    );
    await Promise.all([...made, get({}, { ...app, id: 'nobody-at-all' })]);
    const all = await storedRefusals(app.id, (rows) => rows.length === 6);
    expect(all).toHaveLength(6);
    for (const { value, reason } of all) expect(`${value}${reason}`.length).toBeLessThan(700);
    const [rows] = await provider.sql('select count(*)::int as n from refusals where client_id = $1', [
      app.id,
    ]);
    expect(rows).toEqual({ n: 6 });
    await provider.sql('delete from clients where id = $1', [app.id]);
    await expect(
      provider.sql("select from refusals where client_id = $1 or client_id like 'nobody%'", [app.id]),
    ).resolves.toEqual([]);
  });
});

describe('the error page', () => {
  it('tells developers what to do', async () => {
    const page = await (await get({ redirect_uri: 'http://localhost:3000/<b>cb' })).text();
    expect(page).toContain('For the developers of the app');
    expect(page).toContain('redirect_uri=http://localhost:3000/%3Cb%3Ecb');
    expect(page).toContain(`postern client diagnose ${client.id}`);
    expect(page).toContain(REDIRECT_URI);
  });
});
