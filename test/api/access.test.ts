import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type CryptoKey, type JWK, SignJWT } from 'jose';
import { generateSync } from 'otplib';
import { systemActor } from '../../src/core/actor.ts';
import { sha256 } from '../../src/core/ids.ts';
import { authorize, exchange, post, signIn, type Tokens, VERIFIER } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { apiOf, type ApiReply, connect, send } from './support/client.ts';

let provider: Provider;
let person: Person;
beforeAll(async () => {
  provider = await startProvider();
  person = await provider.createPerson();
});

const get = (token: string, headers: Record<string, string> = {}) =>
  send(provider, 'GET', '/me', { headers: { authorization: `Bearer ${token}`, ...headers } });
const challenge = ({ headers }: ApiReply) => headers.get('www-authenticate');
const INVALID = { status: 401, body: { code: 'invalid_token', type: 'urn:postern:problem:invalid_token' } };

describe('an access token for the account API', () => {
  test('is requested with a Bearer and a DPoP challenge, and not accepted in the query', async () => {
    const reply = await send(provider, 'GET', '/me');
    expect(reply).toMatchObject(INVALID);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    const realm = `realm="${apiOf(provider)}"`;
    expect(challenge(reply)).toBe(`Bearer ${realm}, DPoP ${realm}, algs="ES256 EdDSA PS256"`);
    const { tokens } = await connect(provider, person, 'me:profile:read');
    const asked = await fetch(`${apiOf(provider)}/me?access_token=${tokens.access_token}`);
    expect(asked.status).toBe(401);
  });

  test('is refused if it was truncated, altered, unsigned, or issued for something else', async () => {
    const { tokens } = await connect(provider, person, 'me:profile:read');
    const { access_token: good, id_token, refresh_token } = tokens;
    const [head = '', payload = '', signature = ''] = good.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, scope: 'me:delete' })).toString('base64url');
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    await provider.createApi({ identifier: 'https://elsewhere.example.test', scopes: ['me:profile:read'] });
    const elsewhere = await signIn(provider, await provider.createClient(), person, {
      parameters: { scope: 'openid me:profile:read', resource: 'https://elsewhere.example.test' },
    });
    const opaque = await signIn(provider, await provider.createClient(), person);
    for (const bad of [
      good.slice(0, -6),
      `${head}.${forged}.${signature}`,
      `${none}.${payload}.`,
      'garbage',
      id_token,
      refresh_token,
      elsewhere.access_token,
      opaque.access_token,
    ]) {
      const reply = await get(bad);
      expect(reply).toMatchObject(INVALID);
      expect(challenge(reply)).toBe('Bearer error="invalid_token"');
    }
    expect((await get(good)).status).toBe(200);
  });

  test('of a service account stands for no account', async () => {
    const scope = 'me:profile:read';
    const client = await provider.createClient({ grant_types: ['client_credentials'], scope });
    const grant = { grant_type: 'client_credentials', resource: apiOf(provider), scope };
    const { body } = await post<Tokens>(provider, 'token', client, grant);
    expect(await get(body.access_token)).toMatchObject(INVALID);
  });

  test('is refused as soon as it is revoked or its account suspended', async () => {
    const other = await provider.createPerson();
    const [one, two] = [
      await connect(provider, other, 'me:profile:read'),
      await connect(provider, other, 'me:profile:read'),
    ];
    await post(provider, 'revoke', one.client, { token: one.tokens.access_token });
    expect(await one.call('GET', '/me')).toMatchObject(INVALID);
    expect((await two.call('GET', '/me')).status).toBe(200);
    await provider.operator.accounts.suspend(other.id, systemActor);
    expect(await two.call('GET', '/me')).toMatchObject(INVALID);
  });

  test('shows the account under the identifier that the client knows (pairwise subjects)', async () => {
    const client = await provider.createClient({ subject_type: 'pairwise' }, { isPublic: true });
    const scope = 'me:profile:read me:profile:write me:data:read';
    const { call, tokens } = await connect(provider, person, scope, { client });
    const claims = Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString();
    const { sub } = JSON.parse(claims) as { sub: string };
    expect(sub).not.toBe(person.id);
    // The client learns no other identifier that could correlate the account.
    const replies = [
      await call('GET', '/me'),
      await call('PATCH', '/me', { name: 'Ada' }),
      await call('GET', '/me/data'),
    ];
    for (const { status, body } of replies) {
      expect(status).toBe(200);
      expect(body['account'] ?? body).toMatchObject({ id: sub, email: person.email });
      expect(JSON.stringify(body)).not.toContain(person.id);
    }
  });

  test('has no more scopes than the client may request', async () => {
    const client = await provider.createClient({ scope: 'openid me:profile:read' }, { isPublic: true });
    const { tokens, call } = await connect(provider, person, 'me:profile:read me:delete', { client });
    expect(tokens.scope.split(' ')).not.toContain('me:delete');
    expect((await call('GET', '/me')).status).toBe(200);
    expect((await call('DELETE', '/me')).status).toBe(403);
  });
});

describe('DPoP at the account API', () => {
  type Key = { privateKey: CryptoKey; jwk: JWK };
  const newKey = async (): Promise<Key> => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    return { privateKey, jwk: await exportJWK(publicKey) };
  };
  const proof = ({ privateKey, jwk }: Key, claims: Record<string, unknown>): Promise<string> =>
    new SignJWT({ jti: randomUUID(), ...claims })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
      .setIssuedAt(claims['iat'] as number | undefined)
      .sign(privateKey);

  let key: Key;
  let token: string;
  let client: Client;
  beforeAll(async () => {
    key = await newKey();
    client = await provider.createClient({}, { isPublic: true });
    const parameters = { scope: 'openid me:profile:read', resource: apiOf(provider) };
    const answered = await authorize(provider, new UserAgent(provider.url), client, person, parameters);
    const dpop = await proof(key, { htm: 'POST', htu: `${provider.url}/oauth2/token` });
    const { body } = await post<Tokens>(
      provider,
      'token',
      client,
      {
        grant_type: 'authorization_code',
        code: answered.get('code') ?? '',
        redirect_uri: client.redirectUri,
        code_verifier: VERIFIER,
        resource: apiOf(provider),
      },
      { dpop },
    );
    token = body.access_token;
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object;
    expect(claims).toMatchObject({ cnf: { jkt: await calculateJwkThumbprint(key.jwk) } });
  });
  const call = (dpop: string | null, scheme = 'DPoP') =>
    send(provider, 'GET', '/me', {
      headers: { authorization: `${scheme} ${token}`, ...(dpop === null ? {} : { dpop }) },
    });
  const good = () => ({ htm: 'GET', htu: `${apiOf(provider)}/me`, ath: sha256(token) });

  test('accepts a bound token with a proof, and each proof once', async () => {
    const dpop = await proof(key, good());
    expect((await call(dpop)).status).toBe(200);
    const again = await call(dpop);
    expect(again).toMatchObject({ status: 401, body: { code: 'invalid_dpop_proof' } });
    expect(challenge(again)).toBe('DPoP error="invalid_dpop_proof", algs="ES256 EdDSA PS256"');
  });

  test('refuses a bound token as a Bearer token', async () => {
    for (const dpop of [null, await proof(key, good())]) {
      const reply = await call(dpop, 'Bearer');
      expect(reply).toMatchObject(INVALID);
      expect(challenge(reply)).toBe('Bearer error="invalid_token"');
    }
  });

  test('needs a proof by the key of the token, for this request, not too old', async () => {
    const now = Math.floor(Date.now() / 1000);
    const { jti: _none, ...unnamed } = { ...good(), jti: undefined };
    for (const bad of [
      null,
      'garbage',
      await proof(await newKey(), good()),
      await proof(key, { ...good(), htm: 'POST' }),
      await proof(key, { ...good(), htu: `${apiOf(provider)}/me/data` }),
      await proof(key, { ...good(), ath: sha256('another') }),
      await proof(key, { htm: 'GET', htu: `${apiOf(provider)}/me` }),
      await proof(key, { ...good(), iat: now - 600 }),
      await proof(key, { ...good(), iat: now + 600 }),
      await proof(key, { ...unnamed, jti: undefined }),
    ]) {
      expect(await call(bad)).toMatchObject({ status: 401, body: { code: 'invalid_dpop_proof' } });
    }
  });

  test('refuses an unbound token with a proof', async () => {
    const { tokens } = await connect(provider, person, 'me:profile:read');
    const claims = { ...good(), ath: sha256(tokens.access_token) };
    const dpop = await proof(key, claims);
    const headers = { authorization: `DPoP ${tokens.access_token}`, dpop };
    expect(await send(provider, 'GET', '/me', { headers })).toMatchObject(INVALID);
  });

  test('accepts one of many parallel requests with the same proof', async () => {
    const dpop = await proof(key, good());
    const replies = await Promise.all(Array.from({ length: 5 }, () => call(dpop)));
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401, 401]);
  });
});

describe('changing how a person signs in', () => {
  test('is refused to a token from token exchange', async () => {
    const resource = apiOf(provider);
    const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const type = 'urn:ietf:params:oauth:token-type:access_token';
    const { tokens, client, call } = await connect(provider, person, 'me:security:read me:security:write');
    const agent = await provider.createClient({
      grant_types: ['client_credentials', exchangeGrant],
      token_exchange: { audiences: [resource], clients: [client.id] },
    });
    const own = await post<Tokens>(provider, 'token', agent, {
      grant_type: 'client_credentials',
      resource,
    });
    const acting = await post<Tokens>(provider, 'token', agent, {
      grant_type: exchangeGrant,
      subject_token: tokens.access_token,
      subject_token_type: type,
      actor_token: own.body.access_token,
      actor_token_type: type,
      resource,
    });
    expect(acting.status).toBe(200);
    const headers = { authorization: `Bearer ${acting.body.access_token}` };
    expect(await send(provider, 'GET', '/me/factors', { headers })).toMatchObject({ status: 200 });
    expect(
      await send(provider, 'POST', '/me/factors/totp', { headers, body: { name: 'Phone' } }),
    ).toMatchObject({
      status: 401,
      body: { code: 'insufficient_user_authentication' },
    });
    expect((await call('POST', '/me/factors/totp', { name: 'Phone' })).status).toBe(201);
  });

  const SENSITIVE: [string, string, unknown?][] = [
    ['POST', '/me/email', { email: 'other@example.test' }],
    ['POST', '/me/password', { current_password: 'x', new_password: 'y' }],
    ['POST', '/me/factors/totp', { name: 'Phone' }],
    ['POST', `/me/factors/totp/${randomUUID()}/confirmation`, { code: '1' }],
    ['PATCH', `/me/factors/totp/${randomUUID()}`, { name: 'Phone' }],
    ['DELETE', `/me/factors/totp/${randomUUID()}`],
    ['POST', '/me/factors/passkeys/options'],
    ['POST', '/me/factors/passkeys', { name: 'Laptop', credential: {} }],
    ['PATCH', `/me/factors/passkeys/${randomUUID()}`, { name: 'Laptop' }],
    ['DELETE', `/me/factors/passkeys/${randomUUID()}`],
    ['POST', '/me/factors/recovery-codes'],
    ['DELETE', '/me'],
  ];
  const SCOPE = 'me:security:write me:delete me:profile:read';

  test('needs a login in the last ten minutes', async () => {
    const someone = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    const { client } = await connect(provider, someone, SCOPE, { agent });
    await provider.sql(
      `update oidc_records set payload = jsonb_set(payload::jsonb, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 700))::json
       where model = 'Session' and account_id = $1`,
      [someone.id],
    );
    const old = await connect(provider, someone, SCOPE, { agent, client });
    expect((await old.call('GET', '/me')).status).toBe(200);
    for (const [method, path, body] of SENSITIVE) {
      const refused = await old.call(method, path, body);
      expect([path, refused.status, refused.body['code']]).toEqual([
        path,
        401,
        'insufficient_user_authentication',
      ]);
      expect(challenge(refused)).toBe('Bearer error="insufficient_user_authentication", max_age="600"');
    }
    const parameters = { max_age: '600' };
    const fresh = await connect(provider, someone, SCOPE, { agent, client, parameters });
    expect((await fresh.call('POST', '/me/factors/totp', { name: 'Phone' })).status).toBe(201);
  });

  test('needs the second factor of an account that has one, not a remembered device', async () => {
    const someone = await provider.createPerson();
    const { totp } = provider.operator.mfa;
    const actor = { ...systemActor, kind: 'user', id: someone.id } as const;
    const { id, secret } = await totp.begin(someone.id, 'Phone');
    const { recoveryCodes } = await totp.confirm(someone.id, id, generateSync({ secret }), actor);
    const [first = '', second = ''] = recoveryCodes ?? [];
    // `auth_time` is in whole seconds.
    await provider.sql(
      `update totp_authenticators set created_at = created_at - interval '1 minute' where id = $1`,
      [id],
    );

    const agent = new UserAgent(provider.url);
    const values = { identifier: someone.email, password: someone.password };
    const enter = async () => agent.submit(await agent.open('/sign-in'), values, '/sign-in');
    const step = await enter();
    const recovery = await agent.open(`${step.url.pathname}?method=recovery`);
    const home = await agent.submit(recovery, { code: first, trust: 'yes' });
    expect(home.url.pathname).toBe('/account');
    await agent.submit(home, {}, '/sign-out');
    expect((await enter()).url.pathname).toBe('/account');
    // The same on the pages.
    expect((await agent.open('/account/email')).url.pathname).toBe('/sign-in');

    const weak = await connect(provider, someone, SCOPE, { agent });
    const refused = await weak.call('POST', '/me/factors/recovery-codes');
    expect([refused.status, challenge(refused)]).toEqual([
      401,
      'Bearer error="insufficient_user_authentication", max_age="600", acr_values="urn:postern:acr:2fa"',
    ]);

    const { client } = weak;
    const query = new URLSearchParams({
      client_id: client.id,
      redirect_uri: client.redirectUri,
      response_type: 'code',
      scope: `openid ${SCOPE}`,
      resource: apiOf(provider),
      code_challenge: sha256(VERIFIER),
      code_challenge_method: 'S256',
      max_age: '600',
      acr_values: 'urn:postern:acr:2fa',
    });
    const ask = await agent.open(`/oauth2/authorize?${query.toString()}`);
    const other = await agent.open(`${ask.url.pathname}?method=recovery`);
    const { leftFor } = await agent.submit(other, { code: second });
    const { body } = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '', {
      resource: apiOf(provider),
    });
    const headers = { authorization: `Bearer ${body.access_token}` };
    expect((await send(provider, 'POST', '/me/factors/recovery-codes', { headers })).status).toBe(201);
  });
});
