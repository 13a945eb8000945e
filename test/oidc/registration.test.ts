import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, exportJWK, UnsecuredJWT } from 'jose';
import * as openid from 'openid-client';
import { systemActor } from '../../src/core/actor.ts';
import { sha256 } from '../../src/core/ids.ts';
import { runCli } from '../support/postern.ts';
import { atOnce, authorizationUrl, authorize, form, post, signIn, type Tokens } from './support/flow.ts';
import { resetCounters } from './support/stored-records.ts';
import { newKeys, secondNode } from './support/proofs.ts';
import { type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';
import { APP, asClient, POLICIES, type Registered, send } from './support/registration.ts';

const API = 'https://api.example.test';
const UNSIGNED = new UnsecuredJWT({ iss: 'https://other.example.test' }).encode();
describe('dynamic client registration', () => {
  let provider: Provider;
  let token: string;
  let trusted: string;
  /** Another node with open registration. */
  let open: { url: string };

  const cli = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(['registration-token', ...args, '--json'], {
      env: provider.postern.env,
    });
    return { code, stderr, json: (code === 0 ? JSON.parse(stdout) : {}) as Record<string, unknown> };
  };

  beforeAll(async () => {
    provider = await startProvider({ settings: { clientRegistration: { policies: POLICIES } } });
    open = await secondNode(provider, { clientRegistration: { open: true, policies: POLICIES } });
    await provider.createApi({ identifier: API, scopes: ['read'] });
    const made = await Promise.all([cli('create'), cli('create', '--policy', 'trusted', '--expires', '7d')]);
    [token, trusted] = made.map(({ json }) => String(json['token'])) as [string, string];
  });

  const register = (metadata: unknown, bearer: string | undefined = token, at = provider.url) =>
    send('POST', `${at}/oauth2/register`, { body: metadata, ...(bearer === '' ? {} : { bearer }) });
  it('works with openid-client, which then signs a person in', async () => {
    const config = await openid.dynamicClientRegistration(new URL(provider.url), APP, undefined, {
      initialAccessToken: token,
      execute: [openid.allowInsecureRequests],
    });
    const { client_id: id, client_secret: secret } = config.clientMetadata();
    const client = { id, secret: secret ?? '', redirectUri: REDIRECT_URI };
    const tokens = await signIn(provider, client, await provider.createPerson());
    expect(tokens).toMatchObject({ scope: 'openid profile email' });
    const [row] = await provider.sql('select secret_hash, metadata from clients where id = $1', [id]);
    expect(JSON.stringify(row)).not.toContain(secret);
    const [event] = await provider.sql(
      `select * from audit_events where type = 'client.created' and client_id = $1`,
      [id],
    );
    expect(event).toMatchObject({ actor_kind: 'anonymous', door: 'oidc', details: { registered: true } });
  });

  describe('needs a registration token', () => {
    it.each<[string, () => string]>([
      ['none', () => ''],
      ['an unknown one', () => 'made-up'],
      ['the word open', () => 'open'],
      ['an overlong one', () => 'x'.repeat(5000)],
    ])('and refuses %s', async (_, bearer) => {
      const { status, body } = await register(APP, bearer());
      expect([400, 401]).toContain(status);
      expect(body.error).toMatch(/^invalid_(token|request)$/);
    });

    it('that an operator creates, lists and revokes, and that is stored as a hash', async () => {
      const made = (await cli('create', '--expires', '1h')).json as { id: string; token: string };
      expect((await register(APP, made.token)).status).toBe(201);
      expect(JSON.stringify(await provider.sql('select * from oidc_records'))).not.toContain(made.token);
      // An id that begins with a hyphen would look like an option.
      expect(made.id).toMatch(/^[0-9a-f]{64}$/);
      const listed = async () =>
        ((await cli('list')).json['registration_tokens'] as { id: string; policy: string }[]).map(
          ({ id }) => id,
        );
      expect(await listed()).toContain(made.id);
      expect((await cli('revoke', made.id)).code).toBe(0);
      expect(await listed()).not.toContain(made.id);
      expect((await register(APP, made.token)).status).toBe(401);
      expect((await cli('revoke', made.id)).code).not.toBe(0);
      const events = await provider.sql(
        `select details from audit_events where type like 'registration_token.%'`,
      );
      expect(events.filter(({ details }) => (details as { id: string }).id === made.id)).toHaveLength(2);
    });

    it('with an existing policy', async () => {
      const { code, stderr } = await cli('create', '--policy', 'other');
      expect(code).not.toBe(0);
      expect(stderr).toContain('default, trusted');
      expect((await cli('create', '--expires', 'soon')).stderr).toContain('not a duration like');
    });

    const make = () =>
      provider.operator.registrationTokens.create(
        { policy: 'default', expiresAt: new Date(Date.now() + 3_600_000) },
        systemActor,
      );

    it('that has not expired', async () => {
      const made = await make();
      await provider.sql(`update oidc_records set expires_at = now() - interval '1 minute' where id = $1`, [
        sha256(made.token),
      ]);
      expect((await register(APP, made.token)).status).toBe(401);
    });

    it('whose policy still exists', async () => {
      const made = await make();
      await provider.sql(
        `update oidc_records set payload = replace(payload::text, 'default', 'gone')::json where id = $1`,
        [sha256(made.token)],
      );
      expect((await register(APP, made.token)).status).toBe(401);
    });

    it('within a limit of registrations in some minutes', async () => {
      const replies = await atOnce(25, () => register(APP, '', open.url));
      const refused = replies.filter(({ status }) => status !== 201);
      expect(refused.length).toBeGreaterThanOrEqual(5);
      expect(new Set(refused.map(({ status, body }) => `${status} ${body.error}`))).toEqual(
        new Set(['429 temporarily_unavailable']),
      );
      expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
      await resetCounters(provider, 'guess:registration');
    });

    it('unless the operator opens it to all, under the default policy', async () => {
      expect((await register(APP, '', open.url)).status).toBe(201);
      const wider = { ...APP, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
      expect((await register(wider, '', open.url)).body.error).toBe('invalid_client_metadata');
      expect((await register(wider, trusted, open.url)).status).toBe(201);
      expect((await register(APP, 'made-up', open.url)).status).toBe(401);
      const { CONFIG_FILE: _, ...env } = provider.postern.env;
      const doctor = async (settings: object) => (await runCli(['doctor'], { env, settings })).stdout;
      expect(await doctor({ clientRegistration: { open: true } })).toMatch(/warning +registration +anybody/);
      expect(await doctor({})).toMatch(/ok +registration/);
    });
  });

  describe('applies the policy,', () => {
    it('which sets defaults and allows other values within it', async () => {
      const { body } = await register(APP);
      expect(body).toMatchObject({
        scope: 'openid profile email offline_access',
        grant_types: ['authorization_code'],
        client_secret_expires_at: 0,
      });
      const service = await register(
        {
          client_name: 'Service',
          grant_types: ['client_credentials'],
          response_types: [],
          redirect_uris: [],
          scope: 'openid read',
          require_pkce: false,
        },
        trusted,
      );
      expect(service).toMatchObject({ status: 201, body: { scope: 'openid read', require_pkce: false } });
      expect(service.body).not.toHaveProperty('api_scope');
      const got = await post(provider, 'token', asClient(service.body), {
        grant_type: 'client_credentials',
        resource: API,
        scope: 'read',
      });
      expect(got).toMatchObject({ status: 200, body: { scope: 'read' } });
    });

    it.each<[string, object, string?]>([
      ['a grant type', { grant_types: ['client_credentials'] }],
      ['a scope of an API', { scope: 'openid read' }],
      ['an unknown scope', { scope: 'everything' }],
      ['an authentication method', { token_endpoint_auth_method: 'client_secret_post' }, 'trusted'],
      ['a permission that it names', { scope: 'openid users:read' }, 'trusted'],
      ['being first-party', { first_party: true }],
      ['no PKCE', { require_pkce: false }],
      ['longer token lifetimes', { access_token_ttl: 86_400 }],
      ['origins of other sites', { allowed_cors_origins: ['https://attacker.example.test'] }],
      ['token exchange', { token_exchange: {} }],
      ['scopes through another property', { api_scope: 'read' }],
    ])('which can refuse %s', async (_, metadata, policy = 'default') => {
      expect(await register({ ...APP, ...metadata }, policy === 'trusted' ? trusted : token)).toMatchObject({
        status: 400,
        body: { error: 'invalid_client_metadata' },
      });
    });

    it('which never makes a client a resource server that introspects others’ tokens', async () => {
      for (const by of [token, trusted])
        expect(await register({ ...APP, apis: [API] }, by)).toMatchObject({
          status: 400,
          body: { error: 'invalid_client_metadata', error_description: 'apis cannot be set at registration' },
        });
    });

    it('which limits redirect URIs', async () => {
      expect(await register({ redirect_uris: ['https://other.example.test/'] }, trusted)).toMatchObject({
        status: 400,
        body: { error: 'invalid_redirect_uri' },
      });
      expect((await register(APP, trusted)).status).toBe(201);
    });
    it('and refuses software statements of unknown issuers', async () => {
      expect(await register({ ...APP, software_statement: UNSIGNED })).toMatchObject({
        status: 400,
        body: { error: 'unapproved_software_statement' },
      });
    });
  });

  describe('refuses', () => {
    const web = (...redirect_uris: unknown[]) => ({ redirect_uris });
    const native = (uri: unknown) => ({
      ...web(uri),
      application_type: 'native',
      token_endpoint_auth_method: 'none',
    });

    it.each<[string, object]>([
      ['no redirect URI', { redirect_uris: undefined }],
      ['redirect URIs that are not a list', { redirect_uris: REDIRECT_URI }],
      ['an invalid redirect URI', web('app')],
      ['a redirect URI that is not a string', web({ a: 1 })],
      ['a redirect URI without TLS', web('http://app.example.test/callback')],
      ['a redirect URI with a fragment', web(`${REDIRECT_URI}#a`)],
      ['a redirect URI with a password', web('https://a:b@app.example.test/')],
      ['a redirect URI with a wildcard', web('https://*.example.test/')],
      ['a web app on loopback', { ...web('http://127.0.0.1/callback'), application_type: 'web' }],
      ['a web app with a custom scheme', { ...web('com.example.app:/callback'), application_type: 'web' }],
      ['a common scheme as custom scheme', web('app:/callback')],
      ['loopback together with a URI without TLS', web('http://127.0.0.1/', 'http://app.example.test/')],
      ['loopback with a password', web('http://a:b@127.0.0.1/callback')],
      ['a script', web('javascript:alert(1)')],
      ['a native app elsewhere without TLS', native('http://app.example.test/')],
      ['a native app with a common scheme', native('app:/callback')],
      ['a native app with a script', native('javascript:alert(1)')],
      ['a native app with a fragment', native('com.example.app:/callback#a')],
      [
        'fifty-one redirect URIs',
        { redirect_uris: Array.from({ length: 51 }, (_, n) => `${REDIRECT_URI}/${n}`) },
      ],
      ['an overlong redirect URI', web(`${REDIRECT_URI}/${'a'.repeat(3000)}`)],
      ['a post-logout redirect URI without TLS', { post_logout_redirect_uris: ['http://app.example.test/'] }],
      ...[
        'client_uri',
        'logo_uri',
        'policy_uri',
        'tos_uri',
        'jwks_uri',
        'sector_identifier_uri',
        'initiate_login_uri',
        'backchannel_logout_uri',
        'frontchannel_logout_uri',
      ].flatMap((name): [string, object][] => [
        [`${name} without TLS`, { [name]: 'http://app.example.test/' }],
        [`${name} that runs`, { [name]: 'javascript:alert(1)' }],
        [`${name} that is no string`, { [name]: 7 }],
      ]),
      ['a name that is not a string', { client_name: ['An app'] }],
      ['an empty name', { client_name: ' ' }],
      ['an overlong name', { client_name: 'a'.repeat(101) }],
      ['a reversed name', { client_name: 'ppa \u202enA' }],
      ['grant types that are not a list', { grant_types: 'authorization_code' }],
      ['a scope that is not a string', { scope: ['openid'] }],
      ['an unsupported response type', { response_types: ['token'] }],
      ['response types that are not a list', { response_types: 'code' }],
      ['a response type that is not a string', { response_types: [7] }],
      ['an unknown authentication method', { token_endpoint_auth_method: 'magic' }],
      ['a symmetric algorithm for ID tokens', { id_token_signed_response_alg: 'HS256' }],
      ['unsigned ID tokens', { id_token_signed_response_alg: 'none' }],
      ['invalid keys', { jwks: 'a' }],
      ['keys that are not a list', { jwks: { keys: 'a' } }],
      ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
      ['keys by value and by reference', { jwks: { keys: [] }, jwks_uri: 'https://app.example.test/jwks' }],
      ['an internal sector', { subject_type: 'pairwise', sector_identifier_uri: 'https://127.0.0.1/sector' }],
    ])('%s', async (_, metadata) => {
      const { status, body } = await register({ ...APP, ...metadata });
      expect(status).toBe(400);
      expect(body.error).toMatch(/^invalid_(client_metadata|redirect_uri|request)$/);
      expect(body).not.toHaveProperty('client_id');
    });

    it('a private key', async () => {
      const { privateKey } = await newKeys();
      const jwks = { keys: [await exportJWK(privateKey)] };
      expect((await register({ ...APP, jwks })).body.error_description).toContain('only public keys');
    });

    it.each<[string, unknown, string]>([
      ['invalid JSON', '{', 'application/json'],
      ['a list', [], 'application/json'],
      ['null', 'null', 'application/json'],
      ['a form', 'client_name=a', 'application/x-www-form-urlencoded'],
      ['too large a body', { ...APP, contacts: ['a'.repeat(70_000)] }, 'application/json'],
      ['a prototype', '{"__proto__":{"redirect_uris":["https://app.example.test/"]}}', 'application/json'],
    ])('%s', async (_, body, type) => {
      const reply = await send('POST', `${provider.url}/oauth2/register`, { bearer: token, body, type });
      expect(reply.status).toBe(400);
    });
  });

  it.each([{ application_type: 'native' }, {}])('accepts a native app with %j', async (said) => {
    const redirect_uris = [
      'com.example.app:/callback',
      'http://127.0.0.1/callback',
      'http://localhost:33418/',
      'http://[::1]/callback',
      'https://app.example.test/native',
    ];
    const { status, body } = await register({ redirect_uris, ...said, token_endpoint_auth_method: 'none' });
    expect([status, body['redirect_uris']]).toEqual([201, redirect_uris]);
    expect(body).toMatchObject({ application_type: 'native' });
    expect(body).not.toHaveProperty('client_secret');
    expect((await register(APP)).body).toMatchObject({ application_type: 'web' });
  });

  it('signs a person in to a native app with only a loopback redirect URI, at any port', async () => {
    const { body } = await register({ redirect_uris: ['http://127.0.0.1:3118/callback'] });
    const client = { ...asClient(body), redirectUri: 'http://127.0.0.1:50731/callback' };
    expect(await signIn(provider, client, await provider.createPerson())).toHaveProperty('id_token');
  });

  it('drops unsupported grant and response types, and returns what was registered', async () => {
    const asked = {
      grant_types: [
        'authorization_code',
        'urn:ietf:params:oauth:grant-type:device_code',
        'magic',
        'implicit',
      ],
      response_types: ['code', 'code id_token', 'none'],
    };
    const { status, body } = await register({ ...APP, ...asked });
    expect(status).toBe(201);
    expect(body).toMatchObject({ grant_types: ['authorization_code'], response_types: ['code'] });
    const [row] = await provider.sql('select metadata from clients where id = $1', [body.client_id]);
    expect(row?.['metadata']).toMatchObject({
      grant_types: ['authorization_code'],
      response_types: ['code'],
    });
    for (const none of [{ grant_types: ['magic'] }, { response_types: ['token'] }])
      expect(await register({ ...APP, ...none })).toMatchObject({
        status: 400,
        body: {
          error: 'invalid_client_metadata',
          error_description: expect.stringMatching(/ must contain .*code/),
        },
      });
  });

  it('lets a confidential client send a nonce instead of PKCE', async () => {
    const { body } = await register(APP);
    const person = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const without = { code_challenge: '', code_challenge_method: '' };
    const refused = await agent.open(authorizationUrl(provider, asClient(body), without));
    expect(refused.leftFor?.searchParams.get('error')).toBe('invalid_request');
    const answered = await authorize(provider, agent, asClient(body), person, { ...without, nonce: 'n-0S6' });
    const { status, body: tokens } = await post<Tokens>(provider, 'token', asClient(body), {
      grant_type: 'authorization_code',
      code: answered.get('code') ?? '',
      redirect_uri: REDIRECT_URI,
    });
    expect([status, decodeJwt(tokens.id_token)['nonce']]).toEqual([200, 'n-0S6']);
  });

  it('shows a name as text, whatever is in it', async () => {
    const name = '<img src=x onerror=alert(1)>"\'&';
    const { body } = await register({ ...APP, client_name: name });
    const agent = new UserAgent(provider.url);
    const person = await provider.createPerson();
    const page = await agent.open(authorizationUrl(provider, asClient(body)));
    const consent = await agent.submit(
      page,
      { identifier: person.email, password: person.password },
      '/sign-in',
    );
    for (const { html } of [page, consent]) {
      expect(html).not.toContain('<img src=x');
      expect(html).toContain('&lt;img src=x');
    }
  });

  it('is in discovery, and answers no other method', async () => {
    const metadata = (await (
      await fetch(`${provider.url}/.well-known/openid-configuration`)
    ).json()) as Registered;
    expect(metadata['registration_endpoint']).toBe(`${provider.url}/oauth2/register`);
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await fetch(`${provider.url}/oauth2/register`, { method })).status).toBe(404);
    const form_ = await fetch(`${provider.url}/oauth2/register`, { method: 'POST', body: form({ a: 'b' }) });
    expect(form_.status).toBe(400);
    expect(provider.postern.output()).not.toMatch(/"level":"(error|fatal)"/);
  });
});
