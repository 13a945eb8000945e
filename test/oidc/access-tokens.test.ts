import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JWTVerifyResult } from 'jose';
import { approveLogin, askForLogin, POLL, pollLogin } from './support/ciba.ts';
import {
  answer,
  authorizationUrl,
  exchange,
  introspect,
  post,
  push,
  pushedUrl,
  refresh,
  signIn,
  type Tokens,
  userinfo,
} from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const REPORTS = 'https://reports.example.test';
const LEDGER = 'https://ledger.example.test/v1';
const OPAQUE = 'https://opaque.example.test';
const ORDERS = 'https://orders.example.test';

const ACTIVE = { status: 200, body: { active: true } };
const INACTIVE = { active: false };

describe.each(STORES)('access tokens on %s', (stores) => {
  let provider: Provider;
  let client: Client;
  let service: Client;
  let person: Person;
  let agent: UserAgent;
  let keys: ReturnType<typeof createRemoteJWKSet>;

  beforeAll(async () => {
    provider = await startProvider({ stores });
    await Promise.all([
      provider.createApi({ identifier: REPORTS }),
      provider.createApi({ identifier: LEDGER, accessTokenTtl: 120 }),
      provider.createApi({ identifier: OPAQUE, accessTokenFormat: 'opaque' }),
      provider.createApi({ identifier: ORDERS, scopes: ['orders:read', 'orders:write'] }),
    ]);
    [client, service, person] = await Promise.all([
      provider.createClient(),
      provider.createClient({ grant_types: ['client_credentials'], scope: 'read', apis: [REPORTS, OPAQUE] }),
      provider.createPerson(),
    ]);
    agent = new UserAgent(provider.url);
    keys = createRemoteJWKSet(new URL(`${provider.url}/oauth2/jwks`));
  });

  const verify = (token: string, audience: string): Promise<JWTVerifyResult> =>
    jwtVerify(token, keys, { issuer: provider.url, audience, typ: 'at+jwt', algorithms: ['ES256'] });
  const forItself = (parameters: Record<string, string | string[]> = {}) =>
    post<Tokens>(provider, 'token', service, { grant_type: 'client_credentials', ...parameters });
  const forPerson = (resource: string) =>
    signIn(provider, client, person, { agent, parameters: { scope: 'openid read', resource } });

  it('for an API are JWTs that it can verify itself (RFC 9068)', async () => {
    const { access_token: token, expires_in: expiresIn } = await forPerson(REPORTS);
    const { payload, protectedHeader } = await verify(token, REPORTS);
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) });
    expect(payload).toMatchObject({
      iss: provider.url,
      aud: REPORTS,
      sub: person.id,
      client_id: client.id,
      scope: 'openid read',
      jti: expect.any(String),
      auth_time: expect.any(Number),
      acr: 'urn:postern:acr:1fa',
      amr: ['pwd'],
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(expiresIn);
  });

  describe('issued for a person with an API', () => {
    const scope = 'openid email orders:read';
    const login = (parameters: Record<string, string | string[]> = {}, by = client) =>
      signIn(provider, by, person, { agent, parameters: { scope, ...parameters } });
    const refusal = async (parameters: Record<string, string | string[]>, by = client) => {
      const page = await agent.open(authorizationUrl(provider, by, { prompt: 'none', ...parameters }));
      const { error, error_description: why } = Object.fromEntries(page.leftFor?.searchParams ?? []);
      return { error, why };
    };

    it.each<[string, object, string]>([
      ['whose scopes are requested', {}, ORDERS],
      ['that is the client’s default', { default_resource: ORDERS }, ORDERS],
      ['whose scopes are requested, whatever the default', { default_resource: REPORTS }, ORDERS],
    ])('are for the API %s, and valid at userinfo too', async (_, metadata, audience) => {
      const by = await provider.createClient({ ...metadata });
      const tokens = await login({}, by);
      const { payload } = await verify(tokens.access_token, audience);
      expect(payload).toMatchObject({ aud: audience, sub: person.id, scope });
      expect(tokens.scope).toBe(scope);
      expect(decodeJwt(tokens.id_token)).toMatchObject({ aud: by.id, email: person.email });
      const reply = await userinfo(provider, tokens.access_token);
      expect(reply).toMatchObject({ status: 200 });
      expect(reply.body).toEqual({ sub: person.id, email: person.email, email_verified: true });
    });

    it('are for the default API if no scope of an API is requested', async () => {
      const by = await provider.createClient({ default_resource: ORDERS });
      const tokens = await login({ scope: 'openid profile' }, by);
      expect((await verify(tokens.access_token, ORDERS)).payload).toMatchObject({ scope: 'openid profile' });
      expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 200 });
    });

    it('have the scopes that a refresh requests, and are valid at userinfo only with openid', async () => {
      const tokens = await login();
      const all = (await refresh(provider, client, tokens.refresh_token)).body;
      expect((await verify(all.access_token, ORDERS)).payload).toMatchObject({ scope });
      expect(await userinfo(provider, all.access_token)).toMatchObject({ status: 200 });
      const identity = (await refresh(provider, client, all.refresh_token, { scope: 'openid' })).body;
      expect(identity.scope).toBe('openid');
      expect((await userinfo(provider, identity.access_token)).body).toEqual({ sub: person.id });
      const api = (await refresh(provider, client, identity.refresh_token, { scope: 'orders:read' })).body;
      expect(await verify(api.access_token, ORDERS)).toMatchObject({ payload: { scope: 'orders:read' } });
      expect(await userinfo(provider, api.access_token)).toMatchObject({
        status: 403,
        body: { error: 'insufficient_scope' },
      });
    });

    it('are refused by userinfo once they are revoked or their session ends', async () => {
      for (const ended of ['access_token', 'refresh_token'] as const) {
        const tokens = await login();
        expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 200 });
        await post(provider, 'revoke', client, { token: tokens[ended] });
        expect(await userinfo(provider, tokens.access_token)).toMatchObject({
          status: 401,
          body: { error: 'invalid_token' },
        });
      }
    });

    it('return pairwise subjects and requested claims at userinfo', async () => {
      const by = await provider.createClient({ subject_type: 'pairwise' });
      const claims = JSON.stringify({ userinfo: { preferred_username: null } });
      const tokens = await login({ scope: 'openid orders:read', claims }, by);
      const { sub } = decodeJwt(tokens.id_token);
      expect(sub).not.toBe(person.id);
      expect((await userinfo(provider, tokens.access_token)).body).toEqual({
        sub,
        preferred_username: person.username,
      });
    });

    it('return pairwise subjects and requested claims in opaque form too', async () => {
      const tokens = await login({ scope: 'openid email read', resource: OPAQUE });
      expect(tokens.access_token).not.toContain('.');
      expect((await introspect(provider, service, tokens.access_token)).body).toMatchObject({
        aud: OPAQUE,
        scope: 'openid email read',
      });
      expect((await userinfo(provider, tokens.access_token)).body).toMatchObject({ email: person.email });
    });

    it('are for the API and valid at userinfo also after a pushed request or a CIBA login', async () => {
      const url = pushedUrl(provider, client, await push(provider, client, { scope }));
      const { leftFor } = await answer(agent, await agent.open(url), person);
      const { body } = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
      expect((await verify(body.access_token, ORDERS)).payload).toMatchObject({ scope });
      const desk = await provider.createClient({ ...POLL });
      const asked = await askForLogin(provider, desk, { scope, login_hint: person.email });
      await approveLogin(provider, person);
      const granted = await pollLogin(provider, desk, asked.body.auth_req_id);
      expect((await verify(granted.body.access_token, ORDERS)).payload).toMatchObject({ scope });
      expect(await userinfo(provider, granted.body.access_token)).toMatchObject({ status: 200 });
    });

    it('are refused if their scopes belong to several APIs and no resource is named', async () => {
      expect(await refusal({ scope: 'openid read' })).toMatchObject({
        error: 'invalid_target',
        why: expect.stringMatching(/\bread\b.*more than one API.*resource/),
      });
      expect(await refusal({ scope: 'openid orders:read me:profile:read' })).toMatchObject({
        error: 'invalid_target',
        why: expect.stringMatching(/orders:read me:profile:read.*different APIs.*resource/),
      });
    });

    it('have no scope that the client may not request or that is unknown', async () => {
      const limited = await provider.createClient({ scope: 'openid orders:read' });
      for (const [asked, by, resource] of [
        ['orders:write', limited, ''],
        ['orders:write', limited, ORDERS],
        ['orders:raed', client, ''],
        ['orders:raed', client, ORDERS],
      ] as const)
        expect(await refusal({ scope: asked, resource }, by)).toMatchObject({
          error: 'invalid_scope',
          why: expect.stringContaining(asked),
        });
      for (const [asked, by] of [
        ['orders:write', limited],
        ['orders:raed', client],
      ] as const) {
        const tokens = await login({ scope: `openid orders:read ${asked}` }, by);
        expect(tokens.scope).toBe('openid orders:read');
        expect(provider.postern.output()).toMatch(new RegExp(`"clientId":"${by.id}","scopes":"${asked}"`));
      }
    });

    it('are refused by userinfo without openid, for a service account or if they are not access tokens', async () => {
      const plain = await login({ scope: 'orders:read' });
      const own = await forItself({ resource: REPORTS });
      const whole = await login();
      const [header, payload] = whole.access_token.split('.');
      const answers = await Promise.all(
        [plain.access_token, own.body.access_token, whole.id_token, `${header}.${payload}.x`].map(
          async (token) => (await userinfo(provider, token)).status,
        ),
      );
      expect(answers).toEqual([403, 401, 401, 401]);
    });
  });

  it('of a service account are JWTs for itself, for Postern’s API unless it names another', async () => {
    const own = await forItself();
    expect(own).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 1800 } });
    const { payload } = await verify(own.body.access_token, `${provider.url}/api/v2`);
    expect(payload).toMatchObject({ sub: service.id, client_id: service.id });
    expect(payload).not.toHaveProperty('scope');

    const named = await forItself({ resource: REPORTS, scope: 'read' });
    expect((await verify(named.body.access_token, REPORTS)).payload).toMatchObject({ scope: 'read' });
    expect(named.body).not.toHaveProperty('refresh_token');

    const unnamed = await forItself({ resource: REPORTS });
    expect((await verify(unnamed.body.access_token, REPORTS)).payload).toMatchObject({ scope: 'read' });
    expect(unnamed.body.scope).toBe('read');
    expect(await forItself({ scope: 'read' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_target', error_description: expect.stringContaining('more than one API') },
    });
  });

  it('of a service account are for the only API that has its scopes', async () => {
    const courier = await provider.createClient({
      grant_types: ['client_credentials'],
      scope: 'orders:read',
    });
    for (const more of [{}, { scope: 'orders:read' }]) {
      const { body } = await post<Tokens>(provider, 'token', courier, {
        grant_type: 'client_credentials',
        ...more,
      });
      expect(body.scope).toBe('orders:read');
      expect((await verify(body.access_token, ORDERS)).payload).toMatchObject({ scope: 'orders:read' });
    }
  });

  it('have the lifetime and format of their API', async () => {
    expect((await forItself({ resource: LEDGER })).body.expires_in).toBe(120);
    expect((await forPerson(LEDGER)).expires_in).toBe(120);
    const reply = await forItself({ resource: OPAQUE, scope: 'read' });
    expect(reply).toMatchObject({ status: 200 });
    const opaque = reply.body.access_token;
    expect(opaque.split('.')).toHaveLength(1);
    expect(await introspect(provider, service, opaque)).toMatchObject({
      body: { active: true, aud: OPAQUE, scope: 'read', client_id: service.id },
    });
  });

  it('are plain JWTs if their API is configured for that, and valid for that API only', async () => {
    const plain = { identifier: 'https://plain.example.test', scopes: ['plain:read'] };
    await provider.createApi({ ...plain, tokenTypeHeader: 'jwt' });
    const login = () =>
      signIn(provider, client, person, { agent, parameters: { scope: 'openid plain:read' } });
    const [tokens, later] = [await login(), await login()];
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ alg: 'ES256', typ: 'JWT' });
    expect(decodeProtectedHeader(tokens.id_token)).not.toHaveProperty('typ');
    expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 200 });
    expect(await introspect(provider, client, tokens.access_token)).toMatchObject(ACTIVE);
    await post(provider, 'revoke', client, { token: tokens.access_token });
    expect((await introspect(provider, client, tokens.access_token)).body).toEqual(INACTIVE);
    expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 401 });
    expect(decodeProtectedHeader((await forPerson(REPORTS)).access_token).typ).toBe('at+jwt');

    await provider.createApi(plain);
    const ownType = async () =>
      decodeProtectedHeader((await forItself({ resource: plain.identifier })).body.access_token).typ;
    while ((await ownType()) !== 'at+jwt');
    expect((await introspect(provider, client, later.access_token)).body).toEqual(INACTIVE);
    expect(await userinfo(provider, later.access_token)).toMatchObject({ status: 401 });
  });

  it.each([
    [
      'a scope of the API that the client does not have',
      { resource: REPORTS, scope: 'write' },
      'invalid_scope',
    ],
    ['an unknown scope', { resource: REPORTS, scope: 'destroy' }, 'invalid_scope'],
    ['an unknown API', { resource: 'https://nowhere.example.test' }, 'invalid_target'],
    ['an API that is not a URI', { resource: 'reports' }, 'invalid_target'],
    ['two APIs at once', { resource: [REPORTS, LEDGER] }, 'invalid_target'],
  ])('are refused for %s', async (_what, parameters, error) => {
    expect(await forItself(parameters)).toMatchObject({ status: 400, body: { error } });
  });

  it('cannot be for several APIs at once', async () => {
    const tokens = await signIn(provider, client, person, {
      agent,
      parameters: { scope: 'openid read', resource: [REPORTS, LEDGER] },
    }).catch((error: unknown) => error);
    // A client that requested two must name one in the token request.
    expect(tokens).toBeInstanceOf(Error);
  });

  it('are introspected by the resource server, and inactive once revoked', async () => {
    const jwt = (await forPerson(REPORTS)).access_token;
    const opaque = (await signIn(provider, client, person, { agent })).access_token;
    const own = (await forItself()).body.access_token;
    for (const [token, owner, resource] of [
      [jwt, client, service],
      [opaque, client, client],
      [own, service, service],
    ] as const) {
      expect(await introspect(provider, resource, token)).toMatchObject(ACTIVE);
      const revoked = await post(provider, 'revoke', owner, { token });
      expect(revoked).toMatchObject({ status: 200, text: '' });
      expect((await introspect(provider, resource, token)).body).toEqual(INACTIVE);
      // Revoking again is not an error (RFC 7009 section 2.2).
      expect(await post(provider, 'revoke', owner, { token })).toMatchObject({ status: 200 });
    }
    expect(await userinfo(provider, opaque)).toMatchObject({ status: 401 });
  });

  it('cannot be revoked by another client', async () => {
    const jwt = (await forPerson(REPORTS)).access_token;
    await post(provider, 'revoke', service, { token: jwt });
    expect(await introspect(provider, client, jwt)).toMatchObject(ACTIVE);
  });

  it('end when their refresh token is revoked, and the other way round', async () => {
    const tokens = await forPerson(REPORTS);
    expect(
      await post(provider, 'revoke', client, {
        token: tokens.refresh_token,
        token_type_hint: 'refresh_token',
      }),
    ).toMatchObject({ status: 200 });
    expect(await refresh(provider, client, tokens.refresh_token)).toMatchObject({
      body: { error: 'invalid_grant' },
    });
    expect((await introspect(provider, client, tokens.access_token)).body).toEqual(INACTIVE);
  });

  it.each(['nonsense', 'a.b.c', 'eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.'])(
    'that are invalid (%s) are inactive',
    async (token) => {
      expect((await introspect(provider, service, token)).body).toEqual(INACTIVE);
      expect(await post(provider, 'revoke', service, { token })).toMatchObject({ status: 200 });
    },
  );

  it('can be introspected by their client and their API’s clients, and by nobody else', async () => {
    const [other, reports] = await Promise.all([
      provider.createClient({ grant_types: ['client_credentials'] }),
      provider.createClient({ grant_types: [], redirect_uris: [], response_types: [], apis: [REPORTS] }),
    ]);
    const [jwt, ledger, opaque] = [
      await forPerson(REPORTS),
      await forPerson(LEDGER),
      await forPerson(OPAQUE),
    ];
    const userinfoToken = (await signIn(provider, client, person, { agent })).access_token;
    const tells = async (to: Client, token: string) => (await introspect(provider, to, token)).body['active'];
    const all = [jwt, ledger, opaque].flatMap((tokens) => [tokens.access_token, tokens.refresh_token]);
    for (const token of [...all, userinfoToken]) {
      expect(await tells(client, token)).toBe(true);
      expect(await tells(other, token)).toBe(false);
      expect(await tells(reports, token)).toBe(token === jwt.access_token);
    }
    // Clients of an API introspect its opaque tokens too, but never refresh tokens.
    expect(await tells(service, opaque.access_token)).toBe(true);
    expect(await tells(service, opaque.refresh_token)).toBe(false);
  });

  it('of other clients cannot be introspected by a public client', async () => {
    const spa = await provider.createClient({}, { isPublic: true });
    const tokens = await signIn(provider, spa, person, {
      agent,
      parameters: { scope: 'openid read', resource: REPORTS },
    });
    expect(await introspect(provider, spa, tokens.access_token)).toMatchObject(ACTIVE);
    expect((await introspect(provider, spa, (await forItself()).body.access_token)).body).toEqual(INACTIVE);
  });
});
