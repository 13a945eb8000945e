/** What apps get to know of roles and groups, and APIs that go by roles. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import {
  answer,
  authorizationUrl,
  authorize,
  exchange,
  introspect,
  refresh,
  signIn,
  userinfo,
} from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

const ORDERS = 'https://orders.example.test';
const FILES = 'https://files.example.test';
const ALL = 'openid orders:read orders:write roles groups permissions';
const shell = shellOperator(systemActor);

let provider: Provider;
let client: Client;
let reader: Client;
let clerk: Person;
let group: string;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  const { groups, roles } = provider.operator;
  await provider.createApi({
    identifier: ORDERS,
    scopes: ['orders:read', 'orders:write', 'orders:delete'],
    enforceRoles: true,
  });
  await provider.createApi({
    identifier: FILES,
    scopes: ['files:read', 'files:write'],
    enforceRoles: true,
    accessTokenFormat: 'opaque',
  });
  await roles.create(shell, {
    name: 'clerk',
    scopes: { [ORDERS]: ['orders:read', 'orders:delete'], [FILES]: ['files:read'] },
  });
  await roles.create(shell, { name: 'seller', scopes: { [ORDERS]: ['orders:write'] } });
  group = (await groups.create(shell, { name: 'Sales Team', roles: ['seller'] })).id;
  client = await provider.createClient({ first_party: true });
  reader = await provider.createClient({
    apis: [ORDERS, FILES],
    grant_types: ['client_credentials'],
  });
  clerk = await personWith('clerk', 'administrator');
});

async function personWith(...roles: string[]): Promise<Person> {
  const person = await provider.createPerson();
  await provider.sql('update users set roles = $2 where id = $1', [person.id, ['user', ...roles]]);
  return person;
}
const signedIn = (person: Person, scope: string, resource: string, by = client) =>
  signIn(provider, by, person, { parameters: { scope, resource } });

describe('an API that enforces roles', () => {
  it("gets a person's token with what was asked for and their roles allow", async () => {
    const tokens = await signedIn(clerk, ALL, ORDERS);
    expect(tokens.scope.split(' ').sort()).toEqual(
      ['groups', 'openid', 'orders:read', 'permissions', 'roles'].sort(),
    );
    const told = { roles: ['user', 'clerk', 'administrator'], groups: [], permissions: expect.anything() };
    const known = { ...told, permissions: ['orders:read', 'orders:delete'] };
    expect(decodeJwt(tokens.access_token)).toMatchObject(known);
    expect(decodeJwt(tokens.id_token)).toMatchObject(known);
    expect((await userinfo(provider, tokens.access_token)).body).toMatchObject(known);
    expect(JSON.stringify(decodeJwt(tokens.access_token))).not.toContain('users:read');
  });

  it('knows a change with the next refresh, and at once by introspection', async () => {
    const person = await personWith('clerk');
    const tokens = await signedIn(person, `${ALL} offline_access`, ORDERS);
    await provider.operator.groups.add(shell, group, person.id);
    expect(decodeJwt(tokens.access_token)).toMatchObject({ groups: [] });
    const now = { groups: ['Sales Team'], roles: ['user', 'clerk', 'seller'] };
    expect((await introspect(provider, reader, tokens.access_token)).body).toMatchObject({
      active: true,
      ...now,
      permissions: ['orders:read', 'orders:write', 'orders:delete'],
    });
    const { body } = await refresh(provider, client, tokens.refresh_token);
    expect(body.scope).toContain('orders:write');
    expect(decodeJwt(body.access_token)).toMatchObject(now);
    await provider.operator.groups.removeMember(shell, group, person.id);
    const { body: shown } = await introspect(provider, reader, body.access_token);
    expect(shown).toMatchObject({ active: true, groups: [], roles: ['user', 'clerk'] });
    expect(shown['scope']).not.toContain('orders:write');
    await provider.operator.assignments.setRoles(shell, person.id, ['user', 'seller']);
    const { body: last } = await refresh(provider, client, body.refresh_token);
    expect(decodeJwt(last.access_token)).toMatchObject({
      roles: ['seller', 'user'],
      permissions: ['orders:write'],
    });
  });

  it('knows what is left of an opaque token', async () => {
    const person = await personWith('clerk');
    const tokens = await signedIn(person, 'openid files:read files:write roles', FILES);
    const shown = async () => (await introspect(provider, reader, tokens.access_token)).body;
    expect(await shown()).toMatchObject({ scope: 'openid roles files:read', roles: ['user', 'clerk'] });
    await provider.sql("update users set roles = '{user}' where id = $1", [person.id]);
    expect(await shown()).toMatchObject({ active: true, scope: 'openid roles', roles: ['user'] });
  });

  it('gets no token that would allow nothing', async () => {
    const nobody = await provider.createPerson();
    const parameters = { scope: 'orders:read', resource: ORDERS };
    const answered = await authorize(provider, new UserAgent(provider.url), client, nobody, parameters);
    expect(await exchange(provider, client, answered.get('code') ?? '', { resource: ORDERS })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope', error_description: 'the roles of the person do not allow this' },
    });
    expect((await signedIn(nobody, 'openid orders:read', ORDERS)).scope).toBe('openid');
  });

  it('asks a person to allow no more than their roles do, and what came later when it is asked for', async () => {
    const app = await provider.createClient();
    const person = await personWith('clerk');
    const agent = new UserAgent(provider.url);
    const parameters = { scope: 'openid orders:read orders:write', resource: ORDERS };
    const signInPage = await agent.open(authorizationUrl(provider, app, parameters));
    const { email: identifier, password } = person;
    const consent = await agent.submit(signInPage, { identifier, password }, '/sign-in');
    expect(consent.html).toContain('orders:read');
    expect(consent.html).not.toContain('orders:write');
    const { leftFor } = await agent.submit(consent, { decision: 'allow' }, '/consent');
    const { body } = await exchange(provider, app, leftFor?.searchParams.get('code') ?? '', {
      resource: ORDERS,
    });
    expect(body.scope).toBe('openid orders:read');
    await provider.operator.groups.add(shell, group, person.id);
    const again = await agent.open(authorizationUrl(provider, app, parameters));
    expect(again.html).toContain('orders:write');
    expect((await answer(agent, again, person)).leftFor).not.toBeNull();
  });

  it('leaves service accounts what they are registered with', async () => {
    const service = await provider.createClient({
      grant_types: ['client_credentials'],
      scope: 'orders:write',
    });
    const reply = await fetch(`${provider.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${service.id}:${service.secret}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'orders:write' }),
    });
    expect(await reply.json()).toMatchObject({ scope: 'orders:write' });
  });

  it('goes by roles in token exchange too', async () => {
    const exchanger = await provider.createClient({
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      token_exchange: { audiences: [ORDERS], impersonation: true },
      first_party: true,
    });
    const person = await personWith('clerk', 'seller');
    const tokens = await signedIn(person, 'openid orders:read orders:write', ORDERS, exchanger);
    await provider.sql("update users set roles = '{user,clerk}' where id = $1", [person.id]);
    const reply = await fetch(`${provider.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${exchanger.id}:${exchanger.secret}`)}` },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: tokens.access_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: ORDERS,
      }),
    });
    expect(await reply.json()).toMatchObject({ scope: 'orders:read' });
  });
});

describe('claims', () => {
  it('come whatever the scope, and are called what the client calls them', async () => {
    const person = await personWith('clerk');
    await provider.operator.groups.add(shell, group, person.id);
    const grafana = await provider.createClient({
      first_party: true,
      claim_mappings: {
        groups: { name: 'memberOf', always: true, values: { 'Sales Team': 'sales' } },
        roles: { name: 'memberOf', always: true },
      },
    });
    const tokens = await signIn(provider, grafana, person, { parameters: { scope: 'openid' } });
    const expected = { memberOf: ['user', 'clerk', 'seller', 'sales'] };
    for (const told of [decodeJwt(tokens.id_token), (await userinfo(provider, tokens.access_token)).body]) {
      expect(told).toMatchObject(expected);
      expect(told).not.toHaveProperty('roles');
      expect(told).not.toHaveProperty('groups');
    }
    expect((await introspect(provider, grafana, tokens.access_token)).body).toMatchObject(expected);
  });

  it.each([
    ['sub', { groups: { name: 'sub' } }],
    ['email', { groups: { name: 'email', always: true } }],
    ['a space', { groups: { name: 'a b' } }],
    ['another source', { teams: { always: true } }],
    ['another member', { groups: { only: true } }],
    ['a value', { groups: { values: { a: 1 } } }],
  ])('are not called or made of %s', async (_what, claim_mappings) => {
    await expect(provider.createClient({ claim_mappings })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
      details: { reason: expect.stringContaining('claim_mappings must be like') },
    });
  });

  it('say nothing of what operators manage by', async () => {
    const manager = await provider.createClient({
      scope: 'openid permissions users:read',
      first_party: true,
    });
    const tokens = await signedIn(clerk, 'openid permissions users:read', `${provider.url}/api/v2`, manager);
    expect(decodeJwt(tokens.access_token)).not.toHaveProperty('permissions');
    expect(decodeJwt(tokens.id_token)).not.toHaveProperty('permissions');
  });

  it('are in discovery', async () => {
    const reply = await fetch(`${provider.url}/.well-known/openid-configuration`);
    const names = ['roles', 'groups', 'permissions'];
    expect(await reply.json()).toMatchObject({
      scopes_supported: expect.arrayContaining(names),
      claims_supported: expect.arrayContaining(names),
    });
  });
});
