import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { loadConfig } from '../../src/config/index.ts';
import { atOnce, authorizationUrl, authorize, exchange, signIn, userinfo } from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

it('the configuration for the conformance suite is complete', () => {
  const file = path.resolve(import.meta.dirname, '../../config/conformance.yaml');
  const config = loadConfig({ NODE_ENV: 'test', PORT: '9443', CONFIG_FILE: file });
  expect(config).toMatchObject({
    publicUrl: 'https://localhost:9443',
    outbound: { allow: expect.any(Array) },
  });
});

describe('the OpenID Provider, as the Basic plan checks it,', () => {
  let provider: Provider;
  let client: Client;
  let person: Person;
  beforeAll(async () => {
    provider = await startProvider();
    client = await provider.createClient({ require_pkce: false, id_token_claims: 'minimal' });
    person = await provider.createPerson();
  });
  const plain = { code_challenge: '', code_challenge_method: '' };
  const errorOf = async (parameters: Record<string, string>, agent = new UserAgent(provider.url)) => {
    const { leftFor } = await agent.open(authorizationUrl(provider, client, { ...plain, ...parameters }));
    return leftFor?.searchParams.get('error') ?? new URLSearchParams(leftFor?.hash.slice(1)).get('error');
  };

  it('returns the claims of scopes at userinfo, and none of them in the ID token', async () => {
    const tokens = await signIn(provider, client, person);
    expect(Object.keys(decodeJwt(tokens.id_token)).sort()).not.toEqual(
      expect.arrayContaining(['email', 'name']),
    );
    const { body } = await userinfo(provider, tokens.access_token);
    expect(body).toMatchObject({ sub: person.id, email: person.email, email_verified: true });
  });

  it('accepts the token at userinfo in the header or in a posted body, and no other way', async () => {
    const { access_token: token } = await signIn(provider, client, person);
    const url = `${provider.url}/oauth2/userinfo`;
    const authorization = `Bearer ${token}`;
    const status = async (init: RequestInit, query = '') => (await fetch(`${url}${query}`, init)).status;
    expect(await status({ headers: { authorization } })).toBe(200);
    expect(await status({ method: 'POST', headers: { authorization } })).toBe(200);
    expect(await status({ method: 'POST', body: new URLSearchParams({ access_token: token }) })).toBe(200);
    expect(await status({}, `?access_token=${token}`)).toBe(400);
    expect(await status({})).toBe(401);
  });

  it('supports prompt=none, max_age and id_token_hint', async () => {
    const agent = new UserAgent(provider.url);
    expect(await errorOf({ prompt: 'none' }, agent)).toBe('login_required');
    const { id_token: hint } = await signIn(provider, client, person, { agent });
    const other = await provider.createPerson();
    const { id_token: others } = await signIn(provider, client, other);
    const silent = { ...plain, scope: 'openid', prompt: 'none' };
    const answered = await authorize(provider, agent, client, person, {
      ...silent,
      id_token_hint: hint,
      max_age: '10000',
    });
    const { body } = await exchange(provider, client, answered.get('code') ?? '', { code_verifier: [] });
    expect(decodeJwt(body.id_token)).toMatchObject({ sub: person.id, auth_time: expect.any(Number) });
    expect(await errorOf({ ...silent, id_token_hint: others }, agent)).toBe('login_required');
    expect(await errorOf({ ...silent, id_token_hint: 'forged' }, agent)).toBe('invalid_request');
    expect(await errorOf({ ...silent, max_age: '0' }, agent)).toMatch(/^(login_required|invalid_request)$/);
  });

  it('ignores parameters that it may ignore', async () => {
    const parameters = {
      ...plain,
      display: 'page',
      ui_locales: 'se de',
      claims_locales: 'se',
      acr_values: '1 2',
      login_hint: person.email,
      extra: 'foobar',
    };
    const answered = await authorize(provider, new UserAgent(provider.url), client, person, parameters);
    expect(answered.get('code')).toEqual(expect.any(String));
  });

  it.each([
    ['no response_type', { response_type: '' }, 'invalid_request'],
    ['an unknown response_type', { response_type: 'nothing' }, 'unsupported_response_type'],
    ['the implicit flow', { response_type: 'id_token', nonce: 'x' }, 'unsupported_response_type'],
    ['a request_uri', { request_uri: 'https://suite.example.test/request' }, 'request_uri_not_supported'],
    ['an unsigned request', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'invalid_request_object'],
    ['a registration parameter', { registration: '{}' }, 'registration_not_supported'],
  ])('answers %s with %j', async (_what, parameters, error) => {
    expect(await errorOf(parameters)).toBe(error);
  });

  it('shows a page for an unregistered redirect URI, and does not redirect', async () => {
    for (const uri of [
      'https://attacker.example.test/',
      `${client.redirectUri}?more=1`,
      `${client.redirectUri}/more`,
    ]) {
      const page = await new UserAgent(provider.url).open(
        authorizationUrl(provider, client, { redirect_uri: uri }),
      );
      expect(page).toMatchObject({ status: 400, leftFor: null });
      expect(page.html).toContain('invalid_redirect_uri');
    }
  });

  it('logs no warning with every feature enabled', async () => {
    await atOnce(3, () => signIn(provider, client, person));
    expect(provider.postern.output()).not.toMatch(/oidc-provider (WARNING|NOTICE)|"level":(40|50)/);
  });
});
