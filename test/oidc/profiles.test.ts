import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import * as oidc from 'openid-client';
import { startProvider, type Client, type Person, type Provider } from './support/provider.ts';
import { authorizationUrl, form, post, refresh } from './support/flow.ts';
import { type ClientKeys, clientKeys } from './support/keys.ts';
import { attempt, relyingParty, visit } from './support/relying-party.ts';
import { runCli } from '../support/postern.ts';
import { UserAgent } from './support/user-agent.ts';

let provider: Provider;
let person: Person;
let keys: ClientKeys;
beforeAll(async () => {
  [provider, keys] = await Promise.all([
    startProvider({ settings: { tokens: { authorizationCode: 300 } } }),
    clientKeys(),
  ]);
  person = await provider.createPerson();
});

const OWN_KEYS = { token_endpoint_auth_method: 'private_key_jwt' };
const fapi = (metadata: Record<string, unknown> = {}, profile = 'fapi2') =>
  provider.createClient({ profile, ...OWN_KEYS, jwks: keys.jwks, ...metadata });

async function party(client: Client, metadata: Partial<oidc.ClientMetadata> = {}) {
  return relyingParty(
    provider,
    client,
    { id_token_signed_response_alg: 'ES256', ...metadata },
    oidc.PrivateKeyJwt({ key: keys.signing.privateKey, kid: 'signs' }),
  );
}

/** The client's assertion (RFC 7523) as parameters. */
async function asserting(client: Client, alg = 'ES256', key = keys.signing.privateKey, kid = 'signs') {
  const assertion = await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg, kid })
    .setIssuer(client.id)
    .setSubject(client.id)
    .setAudience(provider.url)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key);
  return {
    client_id: client.id,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

async function push(parameters: Record<string, string>) {
  const reply = await fetch(`${provider.url}/oauth2/par`, { method: 'POST', body: form(parameters) });
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

describe('FAPI 2.0 Security Profile', () => {
  it('leads from a pushed request to tokens bound to a key', async () => {
    const client = await fapi();
    const config = await party(client);
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    const { parameters, checks } = await attempt(client);
    const url = await oidc.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    expect([...url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri']);
    const back = await visit(provider, url, person);
    expect(back.searchParams.get('iss')).toBe(provider.url);
    const tokens = await oidc.authorizationCodeGrant(config, back, checks, undefined, { DPoP });
    expect(tokens.token_type).toBe('dpop');
    expect(decodeProtectedHeader(tokens.id_token ?? '').alg).toBe('ES256');
    expect(tokens.claims()).not.toHaveProperty('email');
    const info = await oidc.fetchUserInfo(config, tokens.access_token, person.id, { DPoP });
    expect(info).toMatchObject({ email: person.email });
    const bearer = await fetch(`${provider.url}/oauth2/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(bearer.status).toBe(401);
    const { refresh_token: token = '' } = tokens;
    const again = await oidc.refreshTokenGrant(config, token, undefined, { DPoP });
    // Section 5.3.2.1: not rotated, so it can be used again.
    expect(again.refresh_token ?? token).toBe(token);
    expect(await oidc.refreshTokenGrant(config, token, undefined, { DPoP })).toMatchObject({
      token_type: 'dpop',
    });
  });

  it('refuses requests that were not pushed or lack PKCE, and issues no unbound tokens', async () => {
    const client = await fapi();
    const page = await new UserAgent(provider.url).open(authorizationUrl(provider, client));
    expect(Object.fromEntries(page.leftFor?.searchParams ?? [])).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringContaining('Pushed Authorization Request'),
    });
    const parameters = Object.fromEntries(new URL(authorizationUrl(provider, client)).searchParams);
    const { code_challenge: _none, code_challenge_method: _method, ...withoutPkce } = parameters;
    expect(await push({ ...withoutPkce, ...(await asserting(client)) })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: expect.stringContaining('PKCE') },
    });
    expect(
      await push({ ...parameters, code_challenge_method: 'plain', ...(await asserting(client)) }),
    ).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const { redirect_uri: _uri, ...withoutUri } = parameters;
    expect(await push({ ...withoutUri, ...(await asserting(client)) })).toMatchObject({ status: 400 });

    const config = await party(client);
    const { parameters: mine, checks } = await attempt(client);
    const back = await visit(provider, await oidc.buildAuthorizationUrlWithPAR(config, mine), person);
    await expect(oidc.authorizationCodeGrant(config, back, checks)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('lets a code live for a minute, whatever the server’s setting', async () => {
    const client = await fapi();
    const config = await party(client);
    const { parameters } = await attempt(client);
    await visit(provider, await oidc.buildAuthorizationUrlWithPAR(config, parameters), person);
    const plain = await provider.createClient();
    await visit(provider, new URL(authorizationUrl(provider, plain)), person);
    const redis = provider.postern.env['REDIS_URL'] ?? '';
    const { Redis } = await import('ioredis');
    const connection = new Redis(redis);
    try {
      const lifetimes: number[] = [];
      for (const key of await connection.keys('*AuthorizationCode*'))
        lifetimes.push(await connection.ttl(key));
      const living = lifetimes.filter((seconds) => seconds > 0);
      expect(living.filter((seconds) => seconds <= 60).length).toBeGreaterThan(0);
      expect(living.filter((seconds) => seconds > 60).length).toBeGreaterThan(0);
    } finally {
      connection.disconnect();
    }
  });

  it('refuses assertions signed by RS256', async () => {
    const pair = await generateKeyPair('RS256', { extractable: true });
    const key = { ...(await exportJWK(pair.publicKey)), use: 'sig', alg: 'RS256', kid: 'rsa' };
    const jwks = { keys: [key] };
    const strict = await fapi({ jwks });
    const plain = await provider.createClient({ ...OWN_KEYS, jwks });
    const parameters = (client: Client) =>
      Object.fromEntries(new URL(authorizationUrl(provider, client)).searchParams);
    const refused = await push({
      ...parameters(strict),
      ...(await asserting(strict, 'RS256', pair.privateKey, 'rsa')),
    });
    expect(refused).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const taken = await push({
      ...parameters(plain),
      ...(await asserting(plain, 'RS256', pair.privateKey, 'rsa')),
    });
    expect(taken.status).toBe(201);
  });

  it.each([
    ['a secret', { token_endpoint_auth_method: 'client_secret_basic' }, 'token_endpoint_auth_method'],
    ['no authentication', { token_endpoint_auth_method: 'none' }, 'token_endpoint_auth_method'],
    ['no PKCE', { require_pkce: false }, 'require_pkce'],
    ['http', { redirect_uris: ['http://app.example.test/callback'] }, 'redirect_uris'],
    ['RS256', { userinfo_signed_response_alg: 'RS256' }, 'userinfo_signed_response_alg'],
    ['requests by RS256', { request_object_signing_alg: 'RS256' }, 'request_object_signing_alg'],
    ['assertions by RS256', { token_endpoint_auth_signing_alg: 'RS256' }, 'token_endpoint_auth_signing_alg'],
    ['a profile that is none', { profile: 'fapi3' }, 'profile'],
  ])('refuses a client with %s, and names the rule', async (what, metadata, property) => {
    const reason = what.startsWith('a profile')
      ? expect.stringContaining(property)
      : expect.stringMatching(new RegExp(`${property}.*\\((FAPI 2.0|OAuth 2.1).*section`));
    await expect(fapi(metadata)).rejects.toMatchObject({
      code: 'invalid_client_metadata',
      details: { reason },
    });
  });
});

describe('FAPI 2.0 Message Signing', () => {
  it('leads from a signed pushed request to a signed response and a signed introspection response', async () => {
    const client = await fapi({}, 'fapi2-message-signing');
    const config = await party(client, {
      authorization_signed_response_alg: 'ES256',
      introspection_signed_response_alg: 'ES256',
    });
    oidc.useJwtResponseMode(config);
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'));
    const { parameters, checks } = await attempt(client);
    const signed = await oidc.buildAuthorizationUrlWithJAR(config, parameters, {
      key: keys.signing.privateKey,
      kid: 'signs',
    });
    const url = await oidc.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP });
    const back = await visit(provider, url, person);
    expect([...back.searchParams.keys()]).toEqual(['response']);
    const tokens = await oidc.authorizationCodeGrant(config, back, checks, undefined, { DPoP });
    expect(await oidc.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      cnf: { jkt: expect.any(String) },
    });
  });

  it('refuses requests without a signature or an expiry, and other response modes', async () => {
    const client = await fapi({}, 'fapi2-message-signing');
    const parameters = Object.fromEntries(new URL(authorizationUrl(provider, client)).searchParams);
    expect(await push({ ...parameters, ...(await asserting(client)) })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: expect.stringContaining('Request Object') },
    });
    const sign = (claims: object) =>
      new SignJWT({ ...parameters, response_mode: 'jwt', ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'signs' })
        .setIssuer(client.id)
        .setAudience(provider.url)
        .sign(keys.signing.privateKey);
    const now = Math.floor(Date.now() / 1000);
    for (const claims of [
      {},
      { exp: now + 60 },
      { nbf: now, exp: now + 7200 },
      { nbf: now, exp: now + 60, response_mode: 'query' },
    ]) {
      const request = await sign(claims);
      const reply = await push({ request, ...(await asserting(client)) });
      expect(reply).toMatchObject({
        status: 400,
        body: { error: expect.stringMatching(/^invalid_request/) },
      });
    }
    // FAPI 2.0 Security Profile section 5.3.2.1 allows for clocks that are ten seconds ahead.
    const request = await sign({ nbf: now + 8, exp: now + 60 });
    expect((await push({ request, ...(await asserting(client)) })).status).toBe(201);
  });

  it('refuses a client with unsigned responses', async () => {
    await expect(fapi({ response_modes: ['query'] }, 'fapi2-message-signing')).rejects.toMatchObject({
      details: { reason: expect.stringContaining('FAPI 2.0 Message Signing section') },
    });
  });
});

describe('OAuth 2.1', () => {
  it('works for an ordinary client', async () => {
    const client = await provider.createClient({ profile: 'oauth2.1' }, { isPublic: true });
    const config = await relyingParty(provider, client, {}, oidc.None());
    const { parameters, checks } = await attempt(client);
    const back = await visit(provider, oidc.buildAuthorizationUrl(config, parameters), person);
    const tokens = await oidc.authorizationCodeGrant(config, back, checks);
    const next = await refresh(provider, client, tokens.refresh_token ?? '');
    expect(next.body.refresh_token).not.toBe(tokens.refresh_token);
  });

  it.each([
    [{ require_pkce: false }, 'require_pkce'],
    [{ redirect_uris: ['http://app.example.test/callback'] }, 'redirect_uris'],
    [{ rotate_refresh_tokens: false }, 'rotate_refresh_tokens'],
  ])('refuses a public client with %j', async (metadata, property) => {
    const refused = provider.createClient({ profile: 'oauth2.1', ...metadata }, { isPublic: true });
    await expect(refused).rejects.toMatchObject({
      details: { reason: expect.stringMatching(new RegExp(`${property}.*RFC 9700`)) },
    });
  });

  it.each([['urn:ietf:params:oauth:grant-type:nothing'], ['password'], ['implicit']])(
    'has no grant %s',
    async (grant) => {
      const client = await provider.createClient();
      const { body } = await post(provider, 'token', client, {
        grant_type: grant,
        username: 'x',
        password: 'y',
      });
      expect(body).toMatchObject({ error: 'unsupported_grant_type' });
    },
  );
});

it('the command registers a client with a profile, which authenticates with its own key', async () => {
  const { stdout, stderr, code } = await runCli(
    [
      'client',
      'create',
      '--json',
      '--name',
      'Bank',
      '--profile',
      'fapi2',
      '--grant',
      'authorization_code',
      '--redirect-uri',
      'https://bank.example.test/callback',
      '--metadata',
      JSON.stringify({ jwks: keys.jwks }),
    ],
    { env: provider.postern.env },
  );
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  expect(JSON.parse(stdout)).toMatchObject({
    client_secret: null,
    token_endpoint_auth_method: 'private_key_jwt',
  });
});

it('a profile for the whole server applies to every client, but not to the contracts', async () => {
  const { env } = provider.postern;
  const strict = await startProvider({
    databaseUrl: env['DATABASE_URL'] ?? '',
    redisUrl: env['REDIS_URL'] ?? '',
    settings: { profile: 'fapi2' },
  });
  await expect(strict.createClient()).rejects.toMatchObject({
    details: { reason: expect.stringContaining('FAPI 2.0') },
  });
  const old = await provider.createClient();
  expect(await post(strict, 'token', old, { grant_type: 'refresh_token', refresh_token: 'x' })).toMatchObject(
    {
      status: 400,
      body: { error: 'invalid_client_metadata', error_description: expect.stringContaining('FAPI 2.0') },
    },
  );
  const login = await fetch(`${strict.url}/contracts/ppl/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: person.email, password: person.password }),
  });
  expect(login.status).toBe(200);
});
