import { beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { authorizationUrl, answer, exchange, signIn } from './support/flow.ts';
import { type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

describe('ID tokens', () => {
  let provider: Provider;
  let person: Person;
  let agent: UserAgent;
  beforeAll(async () => {
    provider = await startProvider();
    person = await provider.createPerson();
    agent = new UserAgent(provider.url);
  });

  it.each([
    ['RS256', {}],
    ['PS256', { id_token_signed_response_alg: 'PS256' }],
    ['ES256', { id_token_signed_response_alg: 'ES256' }],
    ['EdDSA', { id_token_signed_response_alg: 'EdDSA' }],
  ])('are signed with %s, and say who signed in, when and how', async (alg, metadata) => {
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
    expect(payload['auth_time']).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    expect(payload['auth_time']).toBeGreaterThan(before - 60);
  });

  it('tell a new sign-in from the one before', async () => {
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
    await provider.sql('select pg_sleep(1.1)');
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
