import { expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { attributeSchema } from '../../src/config/attributes.ts';
import { SCOPE_CLAIMS } from '../../src/oidc/account.ts';
import { claimMappings } from '../../src/oidc/clients/claim-mappings.ts';
import { introspect, post, signIn, userinfo } from './support/flow.ts';
import { startProvider } from './support/provider.ts';

const ORDERS = 'https://orders.example.test';

it('attributes and mapped roles cannot take the name of a claim of tokens, userinfo or introspection', async () => {
  const provider = await startProvider({ stores: 'PostgreSQL' });
  await provider.createApi({ identifier: ORDERS, scopes: ['orders:read'] });
  const [person, reader] = await Promise.all([
    provider.createPerson(),
    provider.createClient({ apis: [ORDERS], grant_types: ['client_credentials'] }),
  ]);
  const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
  const app = await provider.createClient({ first_party: true });
  const exchanger = await provider.createClient({
    grant_types: ['client_credentials', GRANT],
    token_exchange: { audiences: [ORDERS], clients: [app.id] },
    apis: [ORDERS],
    scope: 'orders:read',
  });
  const strict = await provider.createClient({ first_party: true, may_act: exchanger.id });
  const scope = 'openid profile email address phone roles groups permissions orders:read';
  const parameters = { scope, resource: ORDERS };
  const tokens = await signIn(provider, app, person, { parameters });
  const narrow = await signIn(provider, strict, person, { parameters });
  const asItself = { grant_type: 'client_credentials', resource: ORDERS, scope: 'orders:read' };
  const own = await post<{ access_token: string }>(provider, 'token', exchanger, asItself);
  const exchanged = await post<{ access_token: string }>(provider, 'token', exchanger, {
    grant_type: GRANT,
    subject_token: tokens.access_token,
    subject_token_type: ACCESS_TOKEN,
    actor_token: own.body.access_token,
    actor_token_type: ACCESS_TOKEN,
    resource: ORDERS,
  });
  expect(exchanged.status).toBe(200);
  const door = await fetch(`${provider.url}/contracts/gateway/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: person.email, password: person.password }),
  });
  const { accessToken } = (await door.json()) as { accessToken: string };
  const all = [tokens.access_token, own.body.access_token, exchanged.body.access_token, accessToken];
  const introspected = await Promise.all(
    all.slice(0, 3).map(async (token) => (await introspect(provider, reader, token)).body),
  );
  const shown = [
    ...[...all, narrow.access_token, narrow.id_token].map((token) => decodeJwt(token)),
    decodeJwt(tokens.id_token),
    (await userinfo(provider, tokens.access_token)).body,
    ...introspected,
    Object.fromEntries(Object.values(SCOPE_CLAIMS).flatMap((names) => names.map((name) => [name, true]))),
  ];
  const names = [...new Set(shown.flatMap((claims) => Object.keys(claims)))];
  expect(names).toEqual(
    expect.arrayContaining(['sub', 'gid', 'may_act', 'act', 'user_number', 'given_name']),
  );
  const free = (isTaken: (name: string) => boolean) => names.filter((name) => !isTaken(name)).sort();
  expect(free((name) => !claimMappings.safeParse({ groups: { name } }).success)).toEqual([
    'groups',
    'permissions',
    'roles',
  ]);
  const schemaWith = (claim: string) => ({
    properties: { one: { type: 'string', scope: 'profile', claim } },
  });
  // Attributes are in ID tokens and userinfo alone.
  expect(free((name) => !attributeSchema.safeParse(schemaWith(name)).success)).toEqual([
    'active',
    'token_type',
    'user_number',
    'username',
  ]);
});
