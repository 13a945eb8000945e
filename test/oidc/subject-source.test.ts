import { beforeAll, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { TOKEN_EXCHANGE } from '../../src/oidc/tokens/grant-types.ts';
import { authorizationUrl, introspect, post, signIn, userinfo } from './support/flow.ts';
import { listenForLogout } from './support/logout-listener.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { until } from '../support/until.ts';
import { UserAgent } from './support/user-agent.ts';

const API = 'https://orders.example.test';

let provider: Provider;
let app: Client;
beforeAll(async () => {
  provider = await startProvider({ settings: { outbound: { allow: ['localhost'] } } });
  await provider.createApi({ identifier: API, scopes: ['read'] });
  // More than one host, which pairwise clients may not have.
  app = await provider.createClient({
    subject_source: 'shop',
    redirect_uris: ['https://one.example.test/callback', 'https://two.example.test/callback'],
    token_exchange: { audiences: [API], impersonation: true },
    grant_types: ['authorization_code', 'refresh_token', TOKEN_EXCHANGE, 'urn:openid:params:grant-type:ciba'],
  });
});

async function personFrom(...ids: [source: string, sourceId: string][]): Promise<Person> {
  const person = await provider.createPerson();
  for (const [source, sourceId] of ids)
    await provider.sql(
      `insert into imported_accounts (source, source_id, account_id, record_digest, run)
       values ($1, $2, $3, 'none', gen_random_uuid())`,
      [source, sourceId, person.id],
    );
  return person;
}

const subOf = async (person: Person, client = app) =>
  decodeJwt((await signIn(provider, client, person)).id_token).sub;

it('a subject source determines sub in every token and finds the account', async () => {
  const person = await personFrom(['shop', '4711']);
  const agent = new UserAgent(provider.url);
  const tokens = await signIn(provider, app, person, { agent });
  const ofApi = await signIn(provider, app, person, { parameters: { resource: API, scope: 'openid read' } });
  expect(decodeJwt(tokens.id_token).sub).toBe('4711');
  expect(decodeJwt(ofApi.access_token).sub).toBe('4711');
  const api = await provider.createClient({ grant_types: ['client_credentials'], apis: [API] });
  for (const [client, token] of [
    [app, tokens.access_token],
    [app, tokens.refresh_token],
    [app, ofApi.access_token],
    [api, ofApi.access_token],
  ] as const)
    expect((await introspect(provider, client, token)).body).toMatchObject({ active: true, sub: '4711' });
  expect((await userinfo(provider, tokens.access_token)).body).toMatchObject({ sub: '4711' });

  const exchanged = await post<{ access_token: string }>(provider, 'token', app, {
    grant_type: TOKEN_EXCHANGE,
    subject_token: ofApi.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: API,
  });
  expect(decodeJwt(exchanged.body.access_token).sub).toBe('4711');

  const hinted = await agent.open(
    authorizationUrl(provider, app, { scope: 'openid', prompt: 'none', id_token_hint: tokens.id_token }),
  );
  expect(hinted.leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  const claims = JSON.stringify({ id_token: { sub: { value: '4711' } } });
  const claimed = await agent.open(
    authorizationUrl(provider, app, { scope: 'openid', prompt: 'none', claims }),
  );
  expect(claimed.leftFor?.searchParams.get('code')).toEqual(expect.any(String));
  const asked = await post(provider, 'bc-authorize', app, {
    scope: 'openid',
    id_token_hint: tokens.id_token,
  });
  expect(asked).toMatchObject({ status: 200 });
  const out = await agent.open(`/oauth2/logout?id_token_hint=${tokens.id_token}`);
  expect(out.html).not.toContain('name="logout"');
  expect((await userinfo(provider, tokens.access_token)).status).toBe(401);
});

it('a subject source falls back to the account’s own id, and never names another account', async () => {
  const [victim, other] = [await provider.createPerson(), await personFrom(['forum', '12'])];
  const theirs = await personFrom(['shop', victim.id.toUpperCase()]);
  const [long, odd] = [await personFrom(['shop', 'x'.repeat(256)]), await personFrom(['shop', 'ä'])];
  for (const person of [victim, other, theirs, long, odd]) expect(await subOf(person)).toBe(person.id);
  const several = await personFrom(['shop', 'b'], ['shop', 'a'], ['forum', '13']);
  await provider.sql(`update imported_accounts set created_at = '2020-01-01' where source_id = 'b'`);
  expect(await subOf(several)).toBe('b');
  // Other clients' subjects don't change.
  expect(await subOf(several, await provider.createClient())).toBe(several.id);
});

it('a subject source works at the account API, also if the old id is a UUID', async () => {
  const old = 'c0ffee00-0000-4000-8000-000000000001';
  const person = await personFrom(['shop', old]);
  const scope = 'openid me:profile:read';
  const { access_token: token } = await signIn(provider, app, person, {
    parameters: { resource: `${provider.url}/api/v2`, scope },
  });
  const reply = await fetch(`${provider.url}/api/v2/me`, { headers: { authorization: `Bearer ${token}` } });
  expect(await reply.json()).toMatchObject({ id: old, email: person.email });
});

it('a subject source determines sub in logout tokens', async () => {
  const listener = await listenForLogout();
  const told = await provider.createClient({ subject_source: 'shop', backchannel_logout_uri: listener.uri });
  const agent = new UserAgent(provider.url);
  const { id_token: hint } = await signIn(provider, told, await personFrom(['shop', '4712']), { agent });
  await agent.open(`/oauth2/logout?id_token_hint=${hint}`);
  await until(() => listener.tokens.length > 0);
  expect(decodeJwt(listener.tokens[0] ?? '')).toMatchObject({ sub: '4712', aud: told.id });
});

it.each([[''], ['\0'], [7]])('a subject source cannot be %j', async (source) => {
  await expect(provider.createClient({ subject_source: source })).rejects.toMatchObject({
    code: 'invalid_client_metadata',
  });
});

it('a subject source cannot be combined with pairwise subjects', async () => {
  const both = provider.createClient({ subject_source: 'shop', subject_type: 'pairwise' });
  await expect(both).rejects.toMatchObject({ code: 'invalid_client_metadata' });
});
