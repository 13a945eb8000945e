import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { type MovableTime, movableTime } from '../support/clock.ts';
import { authorizationUrl, answer, exchange, refresh, signIn, userinfo } from './support/flow.ts';
import { type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

describe('ID tokens', () => {
  let provider: Provider;
  let person: Person;
  let agent: UserAgent;
  let time: MovableTime;
  beforeAll(async () => {
    time = await movableTime();
    provider = await startProvider(time.server);
    person = await provider.createPerson();
    agent = new UserAgent(provider.url);
  });

  it.each([
    ['RS256', {}],
    ['PS256', { id_token_signed_response_alg: 'PS256' }],
    ['ES256', { id_token_signed_response_alg: 'ES256' }],
    ['EdDSA', { id_token_signed_response_alg: 'EdDSA' }],
  ])('are signed with %s, and state who signed in, when and how', async (alg, metadata) => {
    const client = await provider.createClient(metadata);
    const before = Math.floor(Date.now() / 1000);
    const tokens = await signIn(provider, client, person, {
      agent,
      parameters: { nonce: 'n-1', max_age: '3600' },
    });
    const keys = createRemoteJWKSet(new URL(`${provider.url}/oauth2/jwks`));
    expect(decodeProtectedHeader(tokens.id_token).alg).toBe(alg);
    const { payload } = await jwtVerify(tokens.id_token, keys, { issuer: provider.url, audience: client.id });
    expect(payload).toMatchObject({
      sub: person.id,
      nonce: 'n-1',
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
    // OpenID Connect Core section 3.1.3.6.
    const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
      .update(tokens.access_token)
      .digest();
    expect(payload['at_hash']).toBe(hash.subarray(0, hash.length / 2).toString('base64url'));
    expect(payload['auth_time']).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    expect(payload['auth_time']).toBeGreaterThan(before - 60);
  });

  const ALWAYS = 'acr amr at_hash aud auth_time exp iat iss jti sub'.split(' ');
  const namesIn = (token: string) => Object.keys(decodeJwt(token)).sort();

  it('have the claims of the granted scopes, also after a refresh, and no internal ones', async () => {
    const client = await provider.createClient();
    const tokens = await signIn(provider, client, person, {
      agent,
      parameters: { scope: 'openid email roles' },
    });
    const claims = { email: person.email, email_verified: true, roles: ['user'] };
    const again = (await refresh(provider, client, tokens.refresh_token)).body;
    for (const token of [tokens.id_token, again.id_token]) {
      expect(decodeJwt(token)).toMatchObject(claims);
      expect(namesIn(token)).toEqual([...ALWAYS, ...Object.keys(claims)].sort());
    }
    expect((await userinfo(provider, tokens.access_token)).body).toEqual({ sub: person.id, ...claims });
    const less = await refresh(provider, client, again.refresh_token, { scope: 'openid roles' });
    expect(namesIn(less.body.id_token)).toEqual([...ALWAYS, 'roles'].sort());
  });

  it('have only explicitly requested claims with the client metadata id_token_claims', async () => {
    const client = await provider.createClient({ id_token_claims: 'minimal' });
    const plain = await signIn(provider, client, person, { agent });
    expect(namesIn(plain.id_token)).toEqual(ALWAYS);
    expect((await userinfo(provider, plain.access_token)).body).toMatchObject({ email: person.email });
    const named = await signIn(provider, client, person, {
      agent,
      parameters: { claims: JSON.stringify({ id_token: { email: null } }) },
    });
    expect(namesIn(named.id_token)).toEqual([...ALWAYS, 'email'].sort());
    await expect(provider.createClient({ id_token_claims: 'all' })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
    });
  });

  it('state the time of a new sign-in', async () => {
    const client = await provider.createClient({ require_auth_time: true });
    const authTime = async (parameters: Record<string, string>) => {
      const page = await agent.open(authorizationUrl(provider, client, parameters));
      const asked = /name="password"/.test(page.html);
      const { leftFor } = await answer(agent, page, person);
      const { body } = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
      const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1] ?? '', 'base64url').toString()) as {
        auth_time: number;
      };
      return { asked, at: claims.auth_time };
    };
    await time.advance(1.1);
    const first = await authTime({});
    expect(first.asked).toBe(false);
    const within = await authTime({ max_age: '3600' });
    expect(within).toEqual({ asked: false, at: first.at });
    const forced = await authTime({ prompt: 'login' });
    expect(forced.asked).toBe(true);
    expect(forced.at).toBeGreaterThan(first.at);
    expect((await authTime({ max_age: '0' })).asked).toBe(true);
  });
});
