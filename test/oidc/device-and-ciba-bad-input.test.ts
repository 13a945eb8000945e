import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { post, signIn } from './support/flow.ts';
import { resetCounters } from './support/stored-records.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { type Page, UserAgent } from './support/user-agent.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const CIBA = 'urn:openid:params:grant-type:ciba';
const METADATA = {
  grant_types: [DEVICE, CIBA, 'refresh_token'],
  response_types: [],
  redirect_uris: [],
  backchannel_token_delivery_mode: 'poll',
  scope: 'openid profile offline_access',
};

/** Values that break programs. */
const HOSTILE: [string, string][] = [
  ['a NUL byte', 'a\0b'],
  ['a lone surrogate', 'a\ud800b'],
  ['a line break', 'a\r\nSet-Cookie: x=y'],
  ['markup', '"><script>alert(1)</script>'],
  ['SQL', `' or 1=1; drop table users; --`],
  ['an overlong value', 'x'.repeat(20_000)],
  ['__proto__', '__proto__'],
];

type Parameters = Record<string, string | string[]>;

let provider: Provider;
let client: Client;
let person: Person;
beforeAll(async () => {
  provider = await startProvider();
  [client, person] = await Promise.all([provider.createClient(METADATA), provider.createPerson()]);
});
afterAll(() => {
  // None of this caused a server error.
  expect(provider.postern.output()).not.toMatch(/"level":"(error|fatal)"/);
});

type Endpoint = 'token' | 'device_authorization' | 'bc-authorize';

/** Posts as the client. @returns the status and the error code. */
async function refusal(endpoint: Endpoint, parameters: Parameters, as = client): Promise<[number, unknown]> {
  const { status, body, text } = await post(provider, endpoint, as, parameters);
  expect(text).not.toMatch(/\bat .*\.[jt]s:\d+|node_modules|\/src\//);
  return [status, body['error']];
}

describe('the device authorization endpoint', () => {
  it.each<[string, Parameters, string]>([
    ['a repeated scope', { scope: ['openid', 'openid'] }, 'invalid_request'],
    ['a scope with invalid characters', { scope: 'öpenid' }, 'invalid_scope'],
    ['a scope that the client may not request', { scope: 'openid email' }, 'invalid_scope'],
    ['an unknown API', { scope: 'openid', resource: 'https://nobody.example.test/' }, 'invalid_target'],
    ['claims that are not JSON', { scope: 'openid', claims: '{' }, 'invalid_request'],
    ['an invalid max_age', { scope: 'openid', max_age: '-1' }, 'invalid_request'],
    ['an invalid request object', { scope: 'openid', request: 'x.y.z' }, 'invalid_request_object'],
    ['a request_uri', { scope: 'openid', request_uri: 'urn:x' }, 'request_uri_not_supported'],
    ['registration', { scope: 'openid', registration: '{}' }, 'registration_not_supported'],
    ['an invalid id_token_hint', { scope: 'openid', id_token_hint: 'x' }, 'invalid_request'],
  ])('refuses %s', async (_what, parameters, error) => {
    expect(await refusal('device_authorization', parameters)).toEqual([400, error]);
  });

  it('authenticates its clients', async () => {
    const wrong = { ...client, secret: 'wrong' };
    expect(await refusal('device_authorization', { scope: 'openid' }, wrong)).toEqual([
      401,
      'invalid_client',
    ]);
    const nobody = { ...client, id: 'nobody', secret: '' };
    expect(await refusal('device_authorization', {}, nobody)).toEqual([401, 'invalid_client']);
    const inQuery = await fetch(
      `${provider.url}/oauth2/device_authorization?client_id=${client.id}&client_secret=${client.secret}`,
      { method: 'POST' },
    );
    expect([inQuery.status, await inQuery.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_request' }),
    ]);
    expect((await fetch(`${provider.url}/oauth2/device_authorization`)).status).toBe(404);
  });
});

describe('the backchannel authentication endpoint', () => {
  const hint = () => ({ login_hint: person.email });

  it.each<[string, () => Parameters, string]>([
    ['no scope', hint, 'invalid_request'],
    ['a scope without openid', () => ({ ...hint(), scope: 'profile' }), 'invalid_request'],
    ['a repeated scope', () => ({ ...hint(), scope: ['openid', 'openid'] }), 'invalid_request'],
    ['no hint', () => ({ scope: 'openid' }), 'invalid_request'],
    ['an empty hint', () => ({ scope: 'openid', login_hint: '' }), 'invalid_request'],
    ['two hints', () => ({ scope: 'openid', ...hint(), id_token_hint: 'x' }), 'invalid_request'],
    [
      'a repeated hint',
      () => ({ scope: 'openid', login_hint: [person.email, person.email] }),
      'invalid_request',
    ],
    ['a login_hint_token', () => ({ scope: 'openid', login_hint_token: 'x' }), 'invalid_request'],
    ['an invalid id_token_hint', () => ({ scope: 'openid', id_token_hint: 'x' }), 'invalid_request'],
    ['an unknown username', () => ({ scope: 'openid', login_hint: 'nobody-here' }), 'unknown_user_id'],
    ['an unknown address', () => ({ scope: 'openid', login_hint: 'nobody@example.test' }), 'unknown_user_id'],
    [
      'a requested_expiry of 0',
      () => ({ scope: 'openid', ...hint(), requested_expiry: '0' }),
      'invalid_request',
    ],
    [
      'a negative requested_expiry',
      () => ({ scope: 'openid', ...hint(), requested_expiry: '-5' }),
      'invalid_request',
    ],
    [
      'a requested_expiry with a fraction',
      () => ({ scope: 'openid', ...hint(), requested_expiry: '1.5' }),
      'invalid_request',
    ],
    [
      'a requested_expiry in words',
      () => ({ scope: 'openid', ...hint(), requested_expiry: 'soon' }),
      'invalid_request',
    ],
    [
      'a long binding_message',
      () => ({ scope: 'openid', ...hint(), binding_message: 'x'.repeat(65) }),
      'invalid_binding_message',
    ],
    [
      'a link in the binding_message',
      () => ({ scope: 'openid', ...hint(), binding_message: 'see evil.example' }),
      'invalid_binding_message',
    ],
    [
      'markup in the binding_message',
      () => ({ scope: 'openid', ...hint(), binding_message: '<b>4711</b>' }),
      'invalid_binding_message',
    ],
    [
      'line breaks in the binding_message',
      () => ({ scope: 'openid', ...hint(), binding_message: 'a\nb' }),
      'invalid_binding_message',
    ],
    [
      'an unknown API',
      () => ({ scope: 'openid', ...hint(), resource: 'https://nobody.example.test/' }),
      'invalid_target',
    ],
    [
      'an unknown acr',
      () => ({
        scope: 'openid',
        ...hint(),
        claims: '{"id_token":{"acr":{"essential":true,"value":"gold"}}}',
      }),
      'unmet_authentication_requirements',
    ],
    [
      'an invalid request object',
      () => ({ scope: 'openid', ...hint(), request: 'x.y.z' }),
      'invalid_request',
    ],
  ])('refuses %s', async (_what, parameters, error) => {
    expect(await refusal('bc-authorize', parameters())).toEqual([400, error]);
    expect(await provider.sql('select 1 from login_requests where account_id = $1', [person.id])).toEqual([]);
  });

  it('accepts an ID token issued to its client only', async () => {
    const web = await provider.createClient();
    const { id_token: foreign } = await signIn(provider, web, person);
    expect(await refusal('bc-authorize', { scope: 'openid', id_token_hint: foreign })).toEqual([
      400,
      'invalid_request',
    ]);
    const [, payload = ''] = foreign.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    expect(await refusal('bc-authorize', { scope: 'openid', id_token_hint: none })).toEqual([
      400,
      'invalid_request',
    ]);
  });

  it('accepts a signed request with a lifetime of up to an hour', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' };
    const signs = await provider.createClient({
      ...METADATA,
      backchannel_authentication_request_signing_alg: 'ES256',
      jwks: { keys: [jwk] },
    });
    const now = Math.floor(Date.now() / 1000);
    const ask = async (nbf: number, exp: number) => {
      const jwt = new SignJWT({
        scope: 'openid',
        login_hint: person.email,
        jti: crypto.randomUUID(),
        nbf,
        exp,
      });
      jwt.setProtectedHeader({ alg: 'ES256' }).setIssuer(signs.id).setAudience(provider.url).setIssuedAt(now);
      return refusal('bc-authorize', { request: await jwt.sign(privateKey) }, signs);
    };
    expect(await ask(now, now + 70 * 60)).toEqual([400, 'invalid_request']);
    expect(await ask(now - 70 * 60, now + 60)).toEqual([400, 'invalid_request']);
    expect(await ask(now, now + 60)).toEqual([200, undefined]);
  });

  it('treats a suspended account like an unknown one', async () => {
    const { id, email } = await provider.createPerson();
    await provider.operator.accounts.suspend(id, systemActor);
    expect(await refusal('bc-authorize', { scope: 'openid', login_hint: email })).toEqual([
      400,
      'unknown_user_id',
    ]);
  });

  it('needs client authentication and the grant', async () => {
    const open = await provider.createClient(METADATA, { isPublic: true });
    const asked = { scope: 'openid', login_hint: person.email };
    expect((await refusal('bc-authorize', asked, open))[1]).toMatch(/unauthorized_client|invalid_client/);
    const web = await provider.createClient();
    expect(await refusal('bc-authorize', asked, web)).toEqual([400, 'unauthorized_client']);
    expect(await refusal('bc-authorize', asked, { ...client, secret: 'wrong' })).toEqual([
      401,
      'invalid_client',
    ]);
  });

  it('limits how many names a client may try, and how often a person is asked', async () => {
    let last: [number, unknown] = [0, undefined];
    for (let tries = 0; tries < 120 && last[0] !== 429; tries += 1)
      last = await refusal('bc-authorize', { scope: 'openid', login_hint: `nobody-${tries}` });
    expect(last).toEqual([429, 'temporarily_unavailable']);
    const known = { scope: 'openid', login_hint: (await provider.createPerson()).email };
    expect((await refusal('bc-authorize', known))[0]).toBe(429);
    await resetCounters(provider, 'guess:');
    last = [0, undefined];
    for (let tries = 0; tries < 40 && last[0] !== 429; tries += 1)
      last = await refusal('bc-authorize', known);
    expect(last).toEqual([429, 'temporarily_unavailable']);
  });
});

describe('the token endpoint for devices and CIBA', () => {
  it.each([
    ['device_code', DEVICE],
    ['auth_req_id', CIBA],
  ])('refuses a %s that is missing, repeated, unknown or overlong', async (name, grant) => {
    const send = (parameters: Parameters) => refusal('token', { grant_type: grant, ...parameters });
    expect(await send({})).toEqual([400, 'invalid_request']);
    expect(await send({ [name]: ['a', 'b'] })).toEqual([400, 'invalid_request']);
    expect(await send({ [name]: 'unknown' })).toEqual([400, 'invalid_grant']);
    for (const [, value] of HOSTILE) {
      const [status, error] = await send({ [name]: value });
      expect([status, String(error)]).toEqual([400, expect.stringMatching(/invalid_(grant|request)/)]);
    }
  });
});

describe.each(HOSTILE)('a device or CIBA request with %s', (_what, value) => {
  it.each([
    'scope',
    'resource',
    'claims',
    'acr_values',
    'max_age',
    'id_token_hint',
    'login_hint',
    'nonce',
    'ui_locales',
    'binding_message',
    'requested_expiry',
    'user_code',
    'request_context',
    'client_notification_token',
    'login_hint_token',
    'request',
  ])('as %s gets a reply by the specification', async (name) => {
    for (const endpoint of ['device_authorization', 'bc-authorize'] as const) {
      const base =
        endpoint === 'bc-authorize' ? { scope: 'openid', login_hint: 'nobody-here' } : { scope: 'openid' };
      const [status] = await refusal(endpoint, { ...base, [name]: value });
      expect([200, 400, 401, 413, 429]).toContain(status);
    }
  });

  it('as a user code is refused and shown as text only', async () => {
    const agent = new UserAgent(provider.url);
    const page = await agent.submit(await agent.open('/device'), { user_code: value }, '/device');
    expect([400, 413, 429]).toContain(page.status);
    expect(page.html).not.toContain('<script>alert');
    await resetCounters(provider, 'guess:');
  });
});

describe('the page for user codes', () => {
  const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
  const send = (body: string, type = 'application/x-www-form-urlencoded', path = '/device') =>
    fetch(`${provider.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': type, 'accept': 'text/html' },
      body,
    });

  it.each([
    ['no session', 'user_code=BCDFGHJK&confirm=yes'],
    ['a made-up token', 'xsrf=made-up&user_code=BCDFGHJK&confirm=yes'],
    ['a repeated code', 'xsrf=x&user_code=BCDFGHJK&user_code=BCDFGHJL'],
  ])('ignores a form with %s', async (_what, body) => {
    const reply = await send(body);
    expect([reply.status, (await reply.text()).includes('<h1>')]).toEqual([400, true]);
  });

  it('refuses other content types, and shows a form again for an unknown step', async () => {
    expect((await send('{}', 'application/json')).status).toBe(400);
    const agent = new UserAgent(provider.url);
    const lost = await agent.open('/device/nobody');
    expect([lost.status, heading(lost)]).toEqual([400, 'Please send that form again']);
    const doubled = await agent.open('/device?user_code=BCDFGHJK&user_code=BCDFGHJL');
    expect([doubled.status, heading(doubled)]).toEqual([200, 'Connect a device']);
  });

  it('confirms only with the CSRF token of its own session', async () => {
    const { body } = await post<{ user_code: string; device_code: string }>(
      provider,
      'device_authorization',
      client,
      { scope: 'openid' },
    );
    const victim = new UserAgent(provider.url);
    const attacker = new UserAgent(provider.url);
    await victim.open('/device');
    const foreign = await attacker.open(`/device?user_code=${body.user_code}`);
    const page = await victim.submit(foreign, { confirm: 'yes' }, '/device');
    expect(page.status).toBe(400);
    const [status, error] = await refusal('token', { grant_type: DEVICE, device_code: body.device_code });
    expect([status, error]).toEqual([400, 'authorization_pending']);
  });
});
