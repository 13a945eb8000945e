import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { type Provider, REDIRECT_URI, startProvider } from '../oidc/support/provider.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

const api = (identifier: string) => `/apis/${encodeURIComponent(identifier)}`;

let provider: Provider;
let owner: Call;
let developer: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  [owner, developer] = await Promise.all([callAs(provider, 'owner'), callAs(provider, 'developer')]);
});

describe('APIs', () => {
  it('are registered, shown, changed and deleted', async () => {
    const identifier = 'https://files.example.test/v1?a=b';
    const created = await developer('POST', '/apis', {
      identifier,
      name: 'Files',
      scopes: ['f:read', 'f:write'],
    });
    expect(created).toMatchObject({
      status: 201,
      body: { access_token_format: 'jwt', access_token_ttl: null, enforce_roles: false, version: 1 },
    });
    expect(created.headers.get('location')).toBe(`/api/v2${api(identifier)}`);
    expect(await developer('POST', '/apis', { identifier, name: 'Files' })).toMatchObject({
      status: 409,
      body: { code: 'api_taken' },
    });
    const changed = await developer('PATCH', api(identifier), { enforce_roles: true, access_token_ttl: 60 });
    expect(changed).toMatchObject({
      status: 200,
      body: { enforce_roles: true, scopes: ['f:read', 'f:write'], version: 2 },
    });
    expect(await developer('PATCH', api(identifier), { name: 'x' }, { 'If-Match': '"1"' })).toMatchObject({
      status: 412,
      body: { current: { name: 'Files' } },
    });
    expect(await developer('PATCH', api(identifier), { default_scopes: ['f:none'] })).toMatchObject({
      status: 400,
    });
    expect(
      await developer('PATCH', api(identifier), { default_scopes: ['f:read'], dynamic_clients: true }),
    ).toMatchObject({ status: 200, body: { default_scopes: ['f:read'], dynamic_clients: true } });
    expect(itemsOf(await developer('GET', '/apis?dynamic_clients=true'))).toMatchObject([{ identifier }]);
    expect(itemsOf(await developer('GET', '/apis?search=FILES&sort=-name'))).toMatchObject([{ identifier }]);
    expect((await developer('DELETE', api(identifier))).status).toBe(204);
    expect((await developer('GET', api(identifier))).status).toBe(404);
  });

  it('keep the scopes that roles and clients refer to', async () => {
    const identifier = 'https://used.example.test';
    await owner('POST', '/apis', { identifier, name: 'Used', scopes: ['u:a', 'u:b', 'u:c'] });
    const role = `r-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name: role, scopes: [{ api: identifier, scopes: ['u:a'] }] });
    const made = await owner('POST', '/clients', {
      name: 'x',
      redirect_uris: [REDIRECT_URI],
      scope: 'openid u:b',
    });
    const client = String(made.body['client_id']);
    const IN_USE = { status: 409, body: { code: 'in_use' } };
    expect(await owner('PATCH', api(identifier), { scopes: ['u:b', 'u:c'] })).toMatchObject({
      ...IN_USE,
      body: { detail: `the role ${role} refers to it.` },
    });
    expect(await owner('PATCH', api(identifier), { scopes: ['u:a'] })).toMatchObject({
      ...IN_USE,
      body: { detail: `the client ${client} refers to it.` },
    });
    expect((await owner('PATCH', api(identifier), { scopes: ['u:a', 'u:b'] })).status).toBe(200);
    expect(await owner('DELETE', api(identifier))).toMatchObject(IN_USE);
    await owner('DELETE', `/roles/${role}`);
    expect(await owner('DELETE', api(identifier))).toMatchObject(IN_USE);
    await owner('DELETE', `/clients/${client}`);
    expect((await owner('DELETE', api(identifier))).status).toBe(204);
  });

  it('that are built in cannot be registered or changed', async () => {
    const { url } = provider;
    for (const identifier of [
      `${url}/api/v2`,
      `${url}/api/v2/`,
      `${url.toUpperCase()}/api/v2`,
      `${url}/contracts/gateway`,
    ]) {
      const refused = { status: 403, body: { code: 'forbidden' } };
      expect(
        await owner('POST', '/apis', { identifier, name: 'Mine', scopes: ['users:read'] }),
      ).toMatchObject(refused);
      expect(await owner('PATCH', api(identifier), { scopes: [] })).toMatchObject(refused);
      expect(await owner('DELETE', api(identifier))).toMatchObject(refused);
    }
    await expect(
      provider.operator.apis.save(shellOperator(systemActor), { identifier: `${url}/api/v2`, name: 'Mine' }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });

  it.each([
    ['no URI', { identifier: 'orders' }],
    ['a fragment', { identifier: 'https://a.example.test/#b' }],
    ['an invalid scope', { scopes: ['a b'] }],
    ['a scope of OpenID Connect', { scopes: ['groups'] }],
    ['no name', { name: ' ' }],
    ['an unknown member', { color: 'red' }],
    ['a lifetime of one year', { access_token_ttl: 31_536_000 }],
  ])('with %s are refused', async (_what, wrong) => {
    const body = { identifier: 'https://wrong.example.test', name: 'Wrong', ...wrong };
    expect((await owner('POST', '/apis', body)).status).toBe(400);
  });
});
