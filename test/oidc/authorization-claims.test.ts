/** Roles and groups in claims, and APIs that enforce roles. */
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
  post,
  refresh,
  signIn,
  userinfo,
} from './support/flow.ts';
import { until } from '../support/until.ts';
import { askForLogin, openLoginRequests, pollLogin, POLL } from './support/ciba.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from './support/device.ts';
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
  it("gets a person's token with the requested scopes that the roles allow", async () => {
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

  it('sees a change of roles at the next refresh, and at once by introspection', async () => {
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

  it('sees the remaining scopes of an opaque token', async () => {
    const person = await personWith('clerk');
    const tokens = await signedIn(person, 'openid files:read files:write roles', FILES);
    const shown = async () => (await introspect(provider, reader, tokens.access_token)).body;
    expect(await shown()).toMatchObject({ scope: 'openid roles files:read', roles: ['user', 'clerk'] });
    await provider.sql("update users set roles = '{user}' where id = $1", [person.id]);
    expect(await shown()).toMatchObject({ active: true, scope: 'openid roles', roles: ['user'] });
  });

  it('gets no token without any allowed scope', async () => {
    const nobody = await provider.createPerson();
    const parameters = { scope: 'orders:read', resource: ORDERS };
    const answered = await authorize(provider, new UserAgent(provider.url), client, nobody, parameters);
    expect(await exchange(provider, client, answered.get('code') ?? '', { resource: ORDERS })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope', error_description: 'the roles of the person do not allow this' },
    });
    expect((await signedIn(nobody, 'openid orders:read', ORDERS)).scope).toBe('openid');
  });

  it('asks consent only for what the roles allow, and for more when it is requested later', async () => {
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

  it('leaves service accounts their registered scopes', async () => {
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

  it('enforces roles in token exchange too', async () => {
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

describe('claims for roles and groups', () => {
  it('are independent of scopes if so configured, with the names that the client wants', async () => {
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
    ['a name with a space', { groups: { name: 'a b' } }],
    ['an unknown source', { teams: { always: true } }],
    ['an unknown property', { groups: { only: true } }],
    ['an invalid value', { groups: { values: { a: 1 } } }],
  ])('are refused with %s', async (_what, claim_mappings) => {
    await expect(provider.createClient({ claim_mappings })).rejects.toMatchObject({
      code: 'invalid_client_metadata',
      details: { reason: expect.stringContaining('claim_mappings must be like') },
    });
  });

  it('do not contain the permissions of operators', async () => {
    const manager = await provider.createClient({
      scope: 'openid permissions users:read',
      first_party: true,
    });
    const tokens = await signedIn(clerk, 'openid permissions users:read', `${provider.url}/api/v2`, manager);
    expect(decodeJwt(tokens.access_token)).not.toHaveProperty('permissions');
    expect(decodeJwt(tokens.id_token)).not.toHaveProperty('permissions');
  });

  it('are listed in discovery', async () => {
    const reply = await fetch(`${provider.url}/.well-known/openid-configuration`);
    const names = ['roles', 'groups', 'permissions'];
    expect(await reply.json()).toMatchObject({
      scopes_supported: expect.arrayContaining(names),
      claims_supported: expect.arrayContaining(names),
    });
  });
});

describe('an app limited to some roles or groups', () => {
  const TEAM = { allowed_roles: ['clerk'], allowed_groups: ['Sales Team'] };
  const denied = { error: 'access_denied', error_description: 'this person may not use the app' };
  const outsider = () => provider.createPerson();
  const member = async () => {
    const person = await provider.createPerson();
    await provider.operator.groups.add(shell, group, person.id);
    return person;
  };
  const leave = ({ id }: Person) => provider.operator.groups.removeMember(shell, group, id);
  const signInPage = async (app: Client, person: Person, parameters: Record<string, string> = {}) => {
    const agent = new UserAgent(provider.url);
    const start = await agent.open(authorizationUrl(provider, app, parameters));
    const values = { identifier: person.email, password: person.password };
    return { agent, page: await agent.submit(start, values, '/sign-in') };
  };

  it('can be used by people with one of them, and nobody else', async () => {
    const app = await provider.createClient(TEAM);
    for (const person of [await member(), await personWith('clerk')])
      expect((await signIn(provider, app, person)).id_token).toBeDefined();

    const { agent, page } = await signInPage(app, await outsider());
    expect(page.html).toContain('You cannot use ');
    expect(page.html).not.toContain('value="allow"');
    const silent = await agent.open(authorizationUrl(provider, app, { prompt: 'none' }));
    expect(Object.fromEntries(silent.leftFor?.searchParams ?? [])).toMatchObject(denied);
    // Another account is allowed.
    const other = await agent.open(/href="([^"]*\/sign-in[^"]*)"/.exec(page.html)?.[1] ?? '');
    const friend = await member();
    const on = await agent.submit(other, { identifier: friend.email, password: friend.password }, '/sign-in');
    expect((await answer(agent, on, friend)).leftFor?.searchParams.get('code')).toBeTruthy();
  });

  it('gets access_denied, and the reason is shown to those who help the person', async () => {
    const app = await provider.createClient(TEAM);
    const person = await outsider();
    const { agent, page } = await signInPage(app, person);
    const back = await agent.submit(page, {}, '/not-allowed');
    expect(Object.fromEntries(back.leftFor?.searchParams ?? [])).toMatchObject(denied);
    const { refusals } = provider.operator;
    await until(async () => (await refusals.ofAccount(shell, person.id)).length > 0);
    const [why] = await refusals.ofAccount(shell, person.id);
    expect(why).toMatchObject({ clientId: app.id, error: 'access_denied', parameter: 'allowed_groups' });
    expect(why?.advice).toContain('--allow-group');
    expect((await refusals.ofClient(shell, app.id))[0]).toMatchObject({ reason: why?.reason });
  });

  it('stops working at the next refresh and call for people who are removed, and works for people who are added', async () => {
    const app = await provider.createClient({ ...TEAM, first_party: true });
    const person = await member();
    const tokens = await signIn(provider, app, person, { parameters: { scope: 'openid offline_access' } });
    const next = await refresh(provider, app, tokens.refresh_token);
    expect(next.status).toBe(200);
    await leave(person);
    expect(await refresh(provider, app, next.body.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect((await userinfo(provider, next.body.access_token)).status).toBe(401);
    await provider.operator.clients.update(shell, app.id, {
      metadata: { allowed_roles: null, allowed_groups: null },
    });
    await until(async () => (await userinfo(provider, next.body.access_token)).status === 200);
  });

  it('cannot be used by a device, by CIBA or by token exchange', async () => {
    const person = await outsider();
    const device = await provider.createClient({ ...TEAM, ...DEVICE });
    const { device_code: code, user_code: typed } = await beginDevice(provider, device);
    const agent = new UserAgent(provider.url);
    const page = await approveDevice(provider, person, typed, agent);
    expect(page.html).toContain('You cannot use ');
    await agent.submit(page, {}, '/not-allowed');
    expect((await pollDevice(provider, device, code)).body).toMatchObject({ error: 'access_denied' });

    const caller = await provider.createClient({ ...TEAM, ...POLL });
    expect(await askForLogin(provider, caller, { login_hint: person.email })).toMatchObject({
      body: { error: 'access_denied' },
    });
    const friend = await member();
    const { body: asked } = await askForLogin(provider, caller, { login_hint: friend.email });
    const waiting = await openLoginRequests(provider, friend);
    await leave(friend);
    await waiting.agent.submit(waiting.page, {}, '/approve');
    expect((await pollLogin(provider, caller, asked.auth_req_id)).body).toMatchObject({
      error: 'invalid_grant',
    });

    const gateway = await provider.createClient({
      ...TEAM,
      grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      response_types: [],
      redirect_uris: [],
      token_exchange: { audiences: [ORDERS], clients: [client.id], impersonation: true },
    });
    const clerkOnly = await personWith('clerk');
    const present = async (who: Person) => {
      const { access_token: token } = await signedIn(who, 'openid orders:read', ORDERS);
      return post(provider, 'token', gateway, {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: ORDERS,
      });
    };
    expect(await present(clerkOnly)).toMatchObject({ status: 200 });
    expect(await present(await personWith('seller'))).toMatchObject({ body: { error: 'invalid_grant' } });
  });

  it.each([
    ['an unknown role', { allowed_roles: ['nobody-has-it'] }, 'invalid_request'],
    ['an unknown group', { allowed_groups: ['Nobody'] }, 'invalid_client_metadata'],
    ['nothing', { allowed_groups: [] }, 'invalid_client_metadata'],
    ['something that is not a list', { allowed_roles: 'clerk' }, 'invalid_client_metadata'],
    ['NUL', { allowed_groups: ['a\0b'] }, 'invalid_client_metadata'],
  ])('cannot be limited to %s', async (_what, metadata, code) => {
    await expect(provider.createClient(metadata)).rejects.toMatchObject({ code });
  });
});
