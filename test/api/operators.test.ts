import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { signIn } from '../oidc/support/flow.ts';
import { APP, POLICIES, send as sendRegistration } from '../oidc/support/registration.ts';
import { apiOf, connect } from './support/client.ts';
import { type Call, callAs, idOf, itemsOf, ownToken, serviceAccount } from './support/operators.ts';

let provider: Provider;
const setRoles = (person: Person, roles: string[]) =>
  provider.operator.accounts.update(person.id, { roles: ['user', ...roles] }, systemActor);

let owner: Call;
beforeAll(async () => {
  const policy = { ...POLICIES.trusted, scopes: ['openid', 'users:read'] };
  const settings = { clientRegistration: { policies: { trusted: policy } } };
  provider = await startProvider({ stores: 'PostgreSQL', settings });
  owner = await callAs(provider, 'owner');
});

describe('a token of a service account', () => {
  it('has the permissions of its roles within the requested scope, and needs no resource', async () => {
    const support = await serviceAccount(provider, 'support');
    const { status, body } = await ownToken(provider, support, 'users:read users:write keys:write');
    expect({ status, scope: body['scope'] }).toEqual({ status: 200, scope: 'users:read users:write' });
    expect(decodeJwt(body['access_token'] ?? '')).toMatchObject({ aud: apiOf(provider), sub: support.id });
    expect(await ownToken(provider, support, 'keys:write')).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
    expect(await ownToken(provider, await serviceAccount(provider), 'users:read')).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
  });

  it('allows no more than the roles do at the time of the call', async () => {
    const role = `helper-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name: role, permissions: ['users:read', 'groups:read'] });
    const call = await callAs(provider, role);
    expect((await call('GET', '/users?limit=1')).status).toBe(200);
    await owner('PATCH', `/roles/${role}`, { permissions: ['groups:read'] });
    const refused = await call('GET', '/users?limit=1');
    expect(refused).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
    expect(refused.headers.get('www-authenticate')).toContain('scope="users:read"');
    expect(
      await provider.sql(
        "select details from audit_events where type = 'operator.refused' order by at desc limit 1",
      ),
    ).toEqual([{ details: { operation: 'listUsers', code: 'insufficient_scope', reason: 'users:read' } }]);
  });

  it('does not act for an account, even with the role owner', async () => {
    const call = await callAs(provider, 'owner');
    expect(await call('GET', '/me')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    expect(await call('GET', '/caller')).toMatchObject({ status: 200, body: { kind: 'client' } });
  });
});

describe("a person's token", () => {
  it('can manage what both client and person may, until the person may no longer', async () => {
    const person = await provider.createPerson();
    await setRoles(person, ['support']);
    const client = await provider.createClient({
      scope: 'openid offline_access users:read audit:read roles:read',
    });
    const app = await connect(provider, person, 'users:read audit:read', { client });
    expect(decodeJwt(app.tokens.access_token)['scope']).toBe('openid users:read');
    expect(await app.call('GET', `/users/${person.id}`)).toMatchObject({
      status: 200,
      body: { id: person.id, roles: ['user', 'support'] },
    });
    await provider.sql("update users set roles = '{user}' where id = $1", [person.id]);
    expect(await app.call('GET', `/users/${person.id}`)).toMatchObject({ status: 403 });
  });

  it('cannot manage through a client that lacks the scope or is public', async () => {
    const person = await provider.createPerson();
    await setRoles(person, ['administrator']);
    const open = await connect(provider, person, 'me:profile:read users:read', {
      client: await provider.createClient(),
    });
    expect(decodeJwt(open.tokens.access_token)['scope']).toBe('openid me:profile:read');
    const spa = await provider.createClient(
      { scope: 'openid users:read me:profile:read' },
      { isPublic: true },
    );
    const claimed = await connect(provider, person, 'me:profile:read users:read', { client: spa });
    expect(decodeJwt(claimed.tokens.access_token)['scope']).toBe('openid me:profile:read');
  });
});

describe('a scope that exists at another API and as a permission', () => {
  const API = 'https://users.example.test';
  beforeAll(() => provider.createApi({ identifier: API, scopes: ['users:read'], accessTokenFormat: 'jwt' }));
  const audienceOf = (token: string | undefined) => decodeJwt(token ?? '').aud;

  it('belongs to that API for a client that may not manage, and for a client whose default resource it is', async () => {
    const person = await provider.createPerson();
    const tokens = await signIn(provider, await provider.createClient(), person, {
      parameters: { scope: 'openid users:read' },
    });
    expect(audienceOf(tokens.access_token)).toBe(API);
    const service = await provider.createClient({
      grant_types: ['client_credentials'],
      scope: 'users:read',
      default_resource: API,
    });
    const { body } = await ownToken(provider, service, 'users:read');
    expect(audienceOf(body['access_token'])).toBe(API);
  });

  it('belongs to the management API for a service account without a default resource', async () => {
    const { body } = await ownToken(provider, await serviceAccount(provider, 'support'), 'users:read');
    expect(audienceOf(body['access_token'])).toBe(apiOf(provider));
  });
});

describe('a client that registers itself', () => {
  it('cannot have the scopes of operators, even if its policy lists them', async () => {
    const { token: bearer } = await provider.operator.registrationTokens.create(
      { policy: 'trusted', expiresAt: new Date(Date.now() + 3_600_000) },
      systemActor,
    );
    const register = (metadata: object) =>
      sendRegistration('POST', `${provider.url}/oauth2/register`, { bearer, body: { ...APP, ...metadata } });
    expect(await register({})).toMatchObject({ status: 201, body: { scope: 'openid' } });
    expect(await register({ scope: 'openid users:read' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_client_metadata' },
    });
  });
});

describe('roles', () => {
  it('are created, changed and deleted under If-Match', async () => {
    const name = `role-${randomUUID().slice(0, 8)}`;
    const made = await owner('POST', '/roles', { name, permissions: ['users:write'] });
    expect(made).toMatchObject({
      status: 201,
      body: { name, description: '', permissions: ['users:write'], scopes: [], built_in: false, version: 1 },
    });
    expect([made.headers.get('etag'), made.headers.get('location')]).toEqual([
      '"1"',
      `/api/v2/roles/${name}`,
    ]);
    expect(await owner('POST', '/roles', { name })).toMatchObject({
      status: 409,
      body: { code: 'role_taken' },
    });

    const changed = await owner('PATCH', `/roles/${name}`, { description: 'Helps' }, { 'if-match': '"1"' });
    expect(changed).toMatchObject({ status: 200, body: { description: 'Helps', version: 2 } });
    for (const stale of ['"1"', 'W/"2"', '"x"', 'nonsense'])
      expect(
        await owner('PATCH', `/roles/${name}`, { description: 'No' }, { 'if-match': stale }),
      ).toMatchObject({
        status: 412,
        body: { code: 'precondition_failed', current: { name, description: 'Helps', version: 2 } },
      });
    expect(await owner('DELETE', `/roles/${name}`, undefined, { 'if-match': '"1", "2"' })).toMatchObject({
      status: 204,
    });
    expect(await owner('GET', `/roles/${name}`)).toMatchObject({
      status: 404,
      body: { code: 'role_not_found' },
    });
    const events = await provider.sql(
      "select type, details from audit_events where details ->> 'role' = $1 order by at",
      [name],
    );
    expect(events.map(({ type }) => type)).toEqual(['role.created', 'role.updated', 'role.deleted']);
    expect(events[1]?.['details']).toEqual({
      role: name,
      before: { description: '' },
      after: { description: 'Helps' },
    });
  });

  it('are refused if built in, taken or invalid', async () => {
    expect(await owner('PATCH', '/roles/support', { description: 'x' })).toMatchObject({ status: 403 });
    expect(await owner('DELETE', '/roles/admin')).toMatchObject({ status: 409, body: { code: 'in_use' } });
    for (const body of [
      { name: 'Upper' },
      { name: '' },
      { name: 'x', permissions: ['users:everything'] },
      { name: 'x', scopes: [{ api: 'https://nowhere.example.test', scopes: ['read'] }] },
      { name: 'x', color: 'red' },
      { name: 'x', description: 'x'.repeat(501) },
    ])
      expect(await owner('POST', '/roles', body)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
    const name = `held-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name });
    await serviceAccount(provider, name);
    expect(await owner('DELETE', `/roles/${name}`)).toMatchObject({ status: 409, body: { code: 'in_use' } });
  });

  it('can be given only by those who hold their permissions', async () => {
    const [administrator, person] = [await callAs(provider, 'administrator'), await provider.createPerson()];
    const give = (call: Call, roles: string[]) => call('PUT', `/users/${person.id}/roles`, { roles });
    expect(await give(administrator, ['user', 'owner'])).toMatchObject({
      status: 403,
      body: { code: 'permission_not_held' },
    });
    expect(
      await administrator('POST', '/roles', { name: 'mine', permissions: ['settings:write'] }),
    ).toMatchObject({
      status: 403,
      body: { code: 'permission_not_held' },
    });
    // What `admin` allows at the contracts counts as well.
    const assigner = `assigner-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name: assigner, permissions: ['roles:write'] });
    expect(await give(await callAs(provider, assigner), ['user', 'admin'])).toMatchObject({
      status: 403,
      body: { code: 'permission_not_held' },
    });
    expect(await give(administrator, ['user', 'support'])).toMatchObject({
      status: 200,
      body: { roles: ['support', 'user'] },
    });
    expect(await give(administrator, ['user', 'nothing'])).toMatchObject({
      status: 400,
      body: { code: 'invalid_request' },
    });
  });
});

describe('groups', () => {
  it('give their members their roles', async () => {
    const person = await provider.createPerson();
    const name = `Helpdesk ${randomUUID()}`;
    const group = await owner('POST', '/groups', { name, roles: ['support'] });
    const path = `/groups/${idOf(group)}`;
    expect(await owner('POST', '/groups', { name: name.toUpperCase() })).toMatchObject({ status: 409 });
    expect(await owner('PUT', `${path}/members/${person.id}`)).toMatchObject({ status: 204 });
    expect(await owner('PUT', `${path}/members/${person.id}`)).toMatchObject({ status: 204 });
    expect(await owner('GET', `/users/${person.id}`)).toMatchObject({
      body: { roles: ['user'], group_roles: ['support'] },
    });
    expect(itemsOf(await owner('GET', `${path}/members`))).toEqual([
      { id: person.id, email: person.email, name: 'Ada Lovelace' },
    ]);
    expect(itemsOf(await owner('GET', `/users/${person.id}/groups`))).toMatchObject([{ id: idOf(group) }]);
    expect(itemsOf(await owner('GET', `/users?role=support&search=${person.email}`))).toMatchObject([
      { id: person.id },
    ]);
    expect(itemsOf(await owner('GET', `/users?group=${idOf(group)}`))).toMatchObject([{ id: person.id }]);
    expect(await owner('PUT', `/users/${person.id}/groups`, { groups: [] })).toMatchObject({ status: 204 });
    expect(await owner('GET', `/users/${person.id}`)).toMatchObject({ body: { group_roles: [] } });
    expect(await owner('DELETE', path)).toMatchObject({ status: 204 });
    expect(await owner('GET', path)).toMatchObject({ status: 404, body: { code: 'group_not_found' } });
  });

  it('that give or take roles end contract tokens with the former roles', async () => {
    const person = await provider.createPerson();
    const group = await owner('POST', '/groups', { name: `Admins ${randomUUID()}`, roles: ['admin'] });
    const auth = `${provider.url}/contracts/gateway/api/v1/auth`;
    const logIn = async () => {
      const body = JSON.stringify({ username: person.email, password: person.password });
      const headers = { 'content-type': 'application/json' };
      const reply = await fetch(`${auth}/login`, { method: 'POST', headers, body });
      const { accessToken } = (await reply.json()) as { accessToken: string };
      return async () =>
        (await fetch(`${auth}/profile`, { headers: { authorization: `Bearer ${accessToken}` } })).status;
    };
    const member = `/groups/${idOf(group)}/members/${person.id}`;
    const changes: [string, () => Promise<unknown>][] = [
      ['added', () => owner('PUT', member)],
      ['roles of the group', () => owner('PATCH', `/groups/${idOf(group)}`, { roles: ['support'] })],
      ['removed', () => owner('DELETE', member)],
    ];
    for (const [what, change] of changes) {
      const ask = await logIn();
      expect({ what, status: await ask() }).toEqual({ what, status: 200 });
      await change();
      expect({ what, status: await ask() }).toEqual({ what, status: 401 });
    }
  });

  it('cannot be filled, changed or deleted by operators who lack their roles', async () => {
    const person = await provider.createPerson();
    const group = await owner('POST', '/groups', {
      name: `Owners ${randomUUID()}`,
      roles: ['owner'],
    });
    const path = `/groups/${idOf(group)}`;
    const administrator = await callAs(provider, 'administrator');
    for (const attempt of [
      administrator('PUT', `${path}/members/${person.id}`),
      administrator('PUT', `/users/${person.id}/groups`, { groups: [idOf(group)] }),
      administrator('PATCH', path, { roles: [] }),
      administrator('DELETE', path),
    ])
      expect(await attempt).toMatchObject({ status: 403, body: { code: 'permission_not_held' } });
    expect(await owner('GET', `/users/${person.id}`)).toMatchObject({ body: { group_roles: [] } });
  });
});

describe('owners', () => {
  it('never run out: of two demoted in parallel one stays, and nobody demotes themselves', async () => {
    const [one, other] = [await provider.createPerson(), await provider.createPerson()];
    const others = await provider.sql("select id from users where 'owner' = any(roles)");
    await provider.sql("update users set roles = '{user,admin}' where 'owner' = any(roles)");
    await Promise.all([setRoles(one, ['owner']), setRoles(other, ['owner'])]);
    try {
      const demote = (person: Person) => owner('PUT', `/users/${person.id}/roles`, { roles: ['user'] });
      const outcomes = await Promise.all([demote(one), demote(other)]);
      expect(outcomes.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
      expect(outcomes.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'last_owner' });

      const [left] = await provider.sql("select id from users where 'owner' = any(roles)");
      const last = [one, other].find(({ id }) => id === left?.['id'])!;
      await expect(provider.operator.accounts.suspend(last.id, systemActor)).rejects.toMatchObject({
        code: 'last_owner',
      });
      await expect(provider.operator.accounts.remove(last.id, systemActor)).rejects.toMatchObject({
        code: 'last_owner',
      });

      // An owner through a group alone: no change of the group, its members or the role may lock everybody
      // out.
      const group = await owner('POST', '/groups', { name: `Owners ${randomUUID()}`, roles: ['owner'] });
      const path = `/groups/${idOf(group)}`;
      expect(await owner('PUT', `${path}/members/${last.id}`)).toMatchObject({ status: 204 });
      expect(await demote(last)).toMatchObject({ status: 200 });
      for (const attempt of [
        owner('PATCH', path, { roles: [] }),
        owner('DELETE', path),
        owner('DELETE', `${path}/members/${last.id}`),
        owner('PUT', `/users/${last.id}/groups`, { groups: [] }),
        owner('POST', `/users/${last.id}/suspend`),
        owner('DELETE', `/users/${last.id}`),
      ])
        expect(await attempt).toMatchObject({ status: 409, body: { code: 'last_owner' } });
      for (const attempt of [
        owner('PATCH', '/roles/owner', { permissions: [] }),
        owner('DELETE', '/roles/owner'),
        owner('POST', '/roles', { name: 'owner', permissions: [] }),
      ])
        expect([403, 409]).toContain((await attempt).status);
      await setRoles(last, ['owner']);
      expect(await owner('DELETE', path)).toMatchObject({ status: 204 });
    } finally {
      for (const { id } of others)
        await provider.sql("update users set roles = '{user,admin,owner}' where id = $1", [id]);
    }
  });
});

describe('operators', () => {
  it('cannot demote themselves, by a role or by a group', async () => {
    const person = await provider.createPerson();
    const role = `assigner-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name: role, permissions: ['roles:write', 'groups:write'] });
    const group = await owner('POST', '/groups', { name: role, roles: [role] });
    await owner('PUT', `/groups/${idOf(group)}/members/${person.id}`);
    const client = await provider.createClient({ scope: 'openid roles:write groups:write' });
    const self = await connect(provider, person, 'roles:write groups:write', { client });
    for (const attempt of [
      self.call('PATCH', `/groups/${idOf(group)}`, { roles: [] }),
      self.call('DELETE', `/groups/${idOf(group)}/members/${person.id}`),
      self.call('PUT', `/users/${person.id}/groups`, { groups: [] }),
      self.call('DELETE', `/groups/${idOf(group)}`),
    ])
      expect(await attempt).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await owner('GET', `/users/${person.id}`)).toMatchObject({ body: { group_roles: [role] } });
  });
});

describe('with foreign and forged ids', () => {
  it.each([
    ['GET', '/users/x'],
    ['GET', `/users/${randomUUID()}`],
    ['GET', '/groups/x'],
    ['GET', `/groups/${randomUUID()}/members`],
    ['GET', '/roles/..'],
    ['PUT', `/users/${randomUUID()}/roles`],
    ['DELETE', `/groups/${randomUUID()}`],
  ])('%s %s is answered by 404', async (method, path) => {
    const body = method === 'PUT' ? { roles: [] } : undefined;
    expect((await owner(method, path, body)).status).toBe(404);
  });
});
