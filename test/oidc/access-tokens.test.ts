import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify, type JWTVerifyResult } from 'jose';
import { introspect, post, refresh, signIn, type Tokens, userinfo } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const REPORTS = 'https://reports.example.test';
const LEDGER = 'https://ledger.example.test/v1';
const OPAQUE = 'https://opaque.example.test';

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
    ]);
    [client, service, person] = await Promise.all([
      provider.createClient(),
      provider.createClient({ grant_types: ['client_credentials'], scope: 'read' }),
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

  it('for an API are JWTs that it verifies by itself (RFC 9068)', async () => {
    const { access_token: token, expires_in: expiresIn } = await forPerson(REPORTS);
    const { payload, protectedHeader } = await verify(token, REPORTS);
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) });
    expect(payload).toMatchObject({
      iss: provider.url,
      aud: REPORTS,
      sub: person.id,
      client_id: client.id,
      scope: 'read',
      jti: expect.any(String),
      auth_time: expect.any(Number),
      acr: 'urn:postern:acr:1fa',
      amr: ['pwd'],
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(expiresIn);
    expect(await userinfo(provider, token)).toMatchObject({ status: 401, body: { error: 'invalid_token' } });
  });

  it('of a service account are JWTs of its own, for Postern’s API unless it names another', async () => {
    const own = await forItself();
    expect(own).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 1800 } });
    const { payload } = await verify(own.body.access_token, `${provider.url}/api/v2`);
    expect(payload).toMatchObject({ sub: service.id, client_id: service.id });
    expect(payload).not.toHaveProperty('scope');

    const named = await forItself({ resource: REPORTS, scope: 'read' });
    expect((await verify(named.body.access_token, REPORTS)).payload).toMatchObject({ scope: 'read' });
    expect(named.body).not.toHaveProperty('refresh_token');
  });

  it('have the lifetime and the format of their API', async () => {
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

  it.each([
    [
      'a scope of the API that the client does not have',
      { resource: REPORTS, scope: 'write' },
      'invalid_scope',
    ],
    ['a scope that nobody has', { resource: REPORTS, scope: 'destroy' }, 'invalid_scope'],
    ['an API that is not there', { resource: 'https://nowhere.example.test' }, 'invalid_target'],
    ['an API that is no URI', { resource: 'reports' }, 'invalid_target'],
    ['two APIs at once', { resource: [REPORTS, LEDGER] }, 'invalid_target'],
  ])('are refused for %s', async (_what, parameters, error) => {
    expect(await forItself(parameters)).toMatchObject({ status: 400, body: { error } });
  });

  it('for several APIs that were asked for come one at a time', async () => {
    const tokens = await signIn(provider, client, person, {
      agent,
      parameters: { scope: 'openid read', resource: [REPORTS, LEDGER] },
    }).catch((error: unknown) => error);
    // Whoever asks for two has to say which one a token is for.
    expect(tokens).toBeInstanceOf(Error);
  });

  it('are told to a resource server that asks, and forgotten once revoked', async () => {
    const jwt = (await forPerson(REPORTS)).access_token;
    const opaque = (await signIn(provider, client, person, { agent })).access_token;
    const own = (await forItself()).body.access_token;
    for (const [token, owner] of [
      [jwt, client],
      [opaque, client],
      [own, service],
    ] as const) {
      expect(await introspect(provider, service, token)).toMatchObject(ACTIVE);
      const revoked = await post(provider, 'revoke', owner, { token });
      expect(revoked).toMatchObject({ status: 200, text: '' });
      expect((await introspect(provider, service, token)).body).toEqual(INACTIVE);
      // Again is no error (RFC 7009 section 2.2).
      expect(await post(provider, 'revoke', owner, { token })).toMatchObject({ status: 200 });
    }
    expect(await userinfo(provider, opaque)).toMatchObject({ status: 401 });
  });

  it('are not revoked by another client', async () => {
    const jwt = (await forPerson(REPORTS)).access_token;
    await post(provider, 'revoke', service, { token: jwt });
    expect(await introspect(provider, client, jwt)).toMatchObject(ACTIVE);
  });

  it('end with the refresh token that is revoked, and it with them', async () => {
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
    'that are none (%s) are not active',
    async (token) => {
      expect((await introspect(provider, service, token)).body).toEqual(INACTIVE);
      expect(await post(provider, 'revoke', service, { token })).toMatchObject({ status: 200 });
    },
  );

  it('are none of a public client’s business unless they are its own', async () => {
    const spa = await provider.createClient({}, { isPublic: true });
    const tokens = await signIn(provider, spa, person, {
      agent,
      parameters: { scope: 'openid read', resource: REPORTS },
    });
    expect(await introspect(provider, spa, tokens.access_token)).toMatchObject(ACTIVE);
    expect((await introspect(provider, spa, (await forItself()).body.access_token)).body).toEqual(INACTIVE);
  });
});
