import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { introspect, refresh, signIn, userinfo } from '../oidc/support/flow.ts';
import { type Client, type Provider, REDIRECT_URI, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { until } from '../support/until.ts';
import { connect } from './support/client.ts';
import { type Call, callAs, itemsOf, ownToken, serviceAccount } from './support/operators.ts';

const ORDERS = 'https://orders.example.test';
const at = (id: string) => `/clients/${encodeURIComponent(id)}`;

let provider: Provider;
let owner: Call;
let developer: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  [owner, developer] = await Promise.all([callAs(provider, 'owner'), callAs(provider, 'developer')]);
});

async function made(body: object, call = owner): Promise<Client & { version: number }> {
  const { status, body: reply } = await call('POST', '/clients', { name: 'An app', ...body });
  expect({ status, reply }).toMatchObject({ status: 201 });
  return {
    id: String(reply['client_id']),
    secret: (reply['client_secret'] as string | null) ?? '',
    redirectUri: REDIRECT_URI,
    version: Number(reply['version']),
  };
}
const SERVICE = { grant_types: ['client_credentials'] };
const APP = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT_URI] };

describe('clients', () => {
  it('are created, shown, changed and deleted', async () => {
    const created = await owner('POST', '/clients', {
      name: 'Shop',
      ...APP,
      tos_uri: 'https://a.example/tos',
    });
    const { client_id: id, client_secret: secret } = created.body as Record<string, string>;
    expect(created).toMatchObject({
      status: 201,
      body: {
        name: 'Shop',
        kind: 'web',
        enabled: true,
        roles: [],
        ...APP,
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
        last_used_at: null,
        version: 1,
      },
    });
    expect(created.headers.get('location')).toBe(`/api/v2/clients/${id}`);
    const shown = await owner('GET', at(id!));
    expect(shown.headers.get('etag')).toBe('"1"');
    expect(JSON.stringify(shown.body)).not.toContain(secret);
    const changed = await owner(
      'PATCH',
      at(id!),
      { name: 'Store', tos_uri: null, access_token_ttl: 60 },
      { 'If-Match': '"1"' },
    );
    expect(changed).toMatchObject({ status: 200, body: { name: 'Store', access_token_ttl: 60, version: 2 } });
    expect(changed.body).not.toHaveProperty('tos_uri');
    const late = await owner('PATCH', at(id!), { name: 'Other' }, { 'If-Match': '"1"' });
    expect(late).toMatchObject({ status: 412, body: { current: { name: 'Store', version: 2 } } });
    expect(
      await provider.sql(
        "select details from audit_events where type = 'client.updated' and client_id = $1",
        [id],
      ),
    ).toMatchObject([
      {
        details: {
          before: { name: 'Shop', tos_uri: 'https://a.example/tos', access_token_ttl: null },
          after: { name: 'Store', tos_uri: null, access_token_ttl: 60 },
        },
      },
    ]);
    expect((await owner('DELETE', at(id!))).status).toBe(204);
    expect(await owner('GET', at(id!))).toMatchObject({ status: 404, body: { code: 'client_not_found' } });
  });

  it.each([
    ['nothing', {}, 'invalid_request'],
    ['the name of another client', { name: 'x', ...APP, logo_url: 'https://a.example' }, /logo_uri/],
    ['an invalid redirect URI', { name: 'x', redirect_uris: ['nowhere'] }, /redirect_uris/],
    ['metadata of the wrong type', { name: 'x', ...APP, access_token_ttl: 'long' }, /access_token_ttl/],
    ['an unknown role', { name: 'x', ...SERVICE, roles: ['nobody'] }, 'invalid_request'],
    [
      'a role for a public client',
      { name: 'x', ...APP, token_endpoint_auth_method: 'none', roles: ['support'] },
      /roles/,
    ],
    ['a name that every JavaScript object has', { name: 'x', ...APP, constructor: 1 }, /constructor/],
    ['a name with characters that reverse text', { name: '\u202egpj.exe', ...APP }, /client_name/],
    ['NUL', { name: 'x', ...APP, tos_uri: 'https://a.example/\0' }, /./],
    ['half a pair', { name: 'x', ...APP, contacts: ['\ud800'] }, /./],
    ['what is not set so', { name: 'x', ...APP, enabled: false }, /enabled/],
  ])('with %s are refused', async (_what, body, why) => {
    const { status, body: problem } = await owner('POST', '/clients', body);
    expect({ status, problem }).toMatchObject({ status: 400 });
    if (typeof why === 'string') expect(problem['code']).toBe(why);
    else
      expect(problem).toMatchObject({ code: 'invalid_client_metadata', detail: expect.stringMatching(why) });
  });

  it('are found by kind, name, status and role, page by page', async () => {
    const name = `Kind ${randomUUID()}`;
    const bodies = [
      { ...APP, token_endpoint_auth_method: 'none' },
      { ...APP, redirect_uris: ['com.example.app:/cb'], token_endpoint_auth_method: 'none' },
      { grant_types: ['urn:ietf:params:oauth:grant-type:device_code'] },
      { apis: [ORDERS] },
      { ...SERVICE, roles: ['support'], agent: true },
    ];
    for (const body of bodies) await made({ ...body, name });
    const kinds: unknown[] = [];
    const search = `search=${encodeURIComponent(name.toUpperCase())}&limit=2&sort=-created_at`;
    for (let query = search; query !== '';) {
      const { body } = await owner('GET', `/clients?${query}`);
      kinds.push(...(body['items'] as Record<string, unknown>[]).map(({ kind }) => kind));
      query = body['next_cursor'] === null ? '' : `${search}&cursor=${body['next_cursor'] as string}`;
    }
    expect(kinds).toEqual(['service', 'gateway', 'device', 'native', 'spa']);
    const query = `/clients?search=${encodeURIComponent(name)}`;
    expect(itemsOf(await owner('GET', `${query}&kind=spa&kind=native`))).toHaveLength(2);
    expect(itemsOf(await owner('GET', `${query}&role=support`))).toMatchObject([{ roles: ['support'] }]);
    expect(itemsOf(await owner('GET', `${query}&enabled=false`))).toEqual([]);
    expect(itemsOf(await owner('GET', `${query}&agent=true`))).toMatchObject([
      { kind: 'service', agent: true },
    ]);
    expect(itemsOf(await owner('GET', `${query}&agent=false`))).toHaveLength(4);
    const [{ client_id: id }] = itemsOf(await owner('GET', `${query}&agent=true`)) as [{ client_id: string }];
    const policies = [{ audience: 'https://auth.chat.example', groups: ['staff'] }];
    for (const [value, found] of [
      [policies, [{ client_id: id, identity_assertions: policies }]],
      [null, []],
    ] as const) {
      expect((await owner('PATCH', at(id), { identity_assertions: value })).status).toBe(200);
      expect(itemsOf(await owner('GET', `${query}&asserts_identities=true`))).toMatchObject(found);
    }
    expect((await owner('GET', '/clients?kind=robot')).status).toBe(400);
    expect((await owner('GET', '/clients?color=red')).status).toBe(400);
  });

  it('can have two secrets for a while, one of which expires by itself', async () => {
    const client = await made(SERVICE);
    const path = `${at(client.id)}/secrets`;
    const works = async (secret: string) => (await ownToken(provider, { ...client, secret })).status === 200;
    const added = await owner('POST', path, { overlap: 3600, expires_in: 3600 });
    expect(added).toMatchObject({ status: 201, body: { expires_at: expect.any(String) } });
    const second = String(added.body['client_secret']);
    await until(() => works(second));
    expect(await works(client.secret)).toBe(true);
    const secrets = itemsOf(await owner('GET', path));
    expect(secrets).toHaveLength(2);
    expect(JSON.stringify(secrets)).not.toContain(second);
    await provider.sql('update clients set secret_expires_at = now() where id = $1', [client.id]);
    expect(await works(second)).toBe(false);
    expect(await works(client.secret)).toBe(true);
    const third = String((await owner('POST', path)).body['client_secret']);
    const [newest, former] = itemsOf(await owner('GET', path));
    expect((await owner('DELETE', `${path}/${String(newest?.['id'])}`)).status).toBe(204);
    await until(async () => !(await works(third)));
    expect(await works(client.secret)).toBe(true);
    const only = await owner('DELETE', `${path}/${String(former?.['id'])}`);
    expect(only).toMatchObject({ status: 409, body: { code: 'in_use' } });
    expect(await owner('DELETE', `${path}/nothing`)).toMatchObject({
      status: 404,
      body: { code: 'secret_not_found' },
    });
    const open = await made({ ...APP, token_endpoint_auth_method: 'none' });
    expect(await owner('POST', `${at(open.id)}/secrets`)).toMatchObject({ status: 400 });
  });

  it('never get their secret repeated', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const [first, again] = [
      await owner('POST', '/clients', { name: 'Once', ...SERVICE }, headers),
      await owner('POST', '/clients', { name: 'Once', ...SERVICE }, headers),
    ];
    expect(again.body).toEqual({ ...first.body, client_secret: null });
  });

  it('get no tokens while disabled, and their tokens are invalid', async () => {
    const client = await made({ ...APP });
    const person = await provider.createPerson();
    const parameters = { scope: 'openid offline_access' };
    const tokens = await signIn(provider, client, person, { parameters });
    const app = await connect(provider, person, 'me:profile:read', { client });
    const gateway = await made({ apis: [`${provider.url}/api/v2`] });
    expect((await owner('POST', `${at(client.id)}/disable`)).body).toMatchObject({ enabled: false });
    const disabled = {
      status: 401,
      body: { error: 'invalid_client', error_description: 'this client is disabled' },
    };
    await until(async () => (await refresh(provider, client, tokens.refresh_token)).status === 401);
    expect(await refresh(provider, client, tokens.refresh_token)).toMatchObject(disabled);
    expect(await introspect(provider, client, tokens.access_token)).toMatchObject(disabled);
    expect((await introspect(provider, gateway, app.tokens.access_token)).body).toEqual({ active: false });
    expect((await userinfo(provider, tokens.access_token)).status).toBe(401);
    expect(await app.call('GET', '/me')).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    const asked = await fetch(`${provider.url}/oauth2/authorize?client_id=${client.id}&response_type=code`);
    expect(asked.status).toBe(400);
    const agent = new UserAgent(provider.url);
    const { email: identifier, password } = person;
    await agent.submit(await agent.open('/sign-in?next=/account/apps'), { identifier, password }, '/sign-in');
    const apps = await agent.open('/account/apps');
    expect(apps.html).toContain('An app');
    expect(apps.html).toContain('Switched off by the operators');
    expect(apps.html).not.toContain(`>${client.id}<`);
    expect((await owner('POST', `${at(client.id)}/enable`)).body).toMatchObject({ enabled: true });
    await until(async () => (await userinfo(provider, tokens.access_token)).status === 200);
    expect((await refresh(provider, client, tokens.refresh_token)).status).toBe(200);
    expect((await app.call('GET', '/me')).status).toBe(200);
  });

  it('show when they were last used and who has consented to what', async () => {
    const client = await made({ ...APP, scope: 'openid email' });
    const people = [await provider.createPerson(), await provider.createPerson()];
    for (const person of people)
      await signIn(provider, client, person, { parameters: { scope: 'openid email' } });
    const users = await owner('GET', `${at(client.id)}/users?limit=1`);
    expect(itemsOf(users)).toMatchObject([{ id: people[1]?.id, scopes: ['openid', 'email'], apis: [] }]);
    const cursor = String(users.body['next_cursor']);
    expect(itemsOf(await owner('GET', `${at(client.id)}/users?limit=1&cursor=${cursor}`))).toMatchObject([
      { id: people[0]?.id },
    ]);
    expect(await developer('GET', `${at(client.id)}/users`)).toMatchObject({
      status: 403,
      body: { code: 'insufficient_scope' },
    });
    const used = async () => (await owner('GET', at(client.id))).body;
    await until(async () => (await used())['last_used_at'] !== null);
    expect(await used()).toMatchObject({ version: 1 });
  });
});

describe('permissions over a client', () => {
  const HELD = { status: 403, body: { code: 'permission_not_held' } };
  const STRONGER = { status: 403, body: { code: 'stronger_operator' } };

  it('are needed to the full extent of what the client may do', async () => {
    const service = await serviceAccount(provider, 'administrator');
    const manager = await made({ ...APP, scope: 'openid users:write' });
    for (const { id } of [service, manager]) {
      const [secret] = itemsOf(await owner('GET', `${at(id)}/secrets`));
      for (const [method, path, body] of [
        ['PATCH', at(id), { redirect_uris: ['https://evil.example/'] }],
        ['PATCH', at(id), { roles: [] }],
        ['POST', `${at(id)}/secrets`, {}],
        ['DELETE', `${at(id)}/secrets/${String(secret?.['id'])}`, undefined],
        ['POST', `${at(id)}/disable`, undefined],
        ['POST', `${at(id)}/enable`, undefined],
        ['DELETE', at(id), undefined],
      ] as const)
        expect(await developer(method, path, body)).toMatchObject(STRONGER);
    }
    expect((await owner('GET', at(service.id))).body).toMatchObject({ version: 1, enabled: true });
    expect(
      await provider.sql("select details from audit_events where type = 'operator.refused' limit 1"),
    ).toMatchObject([{ details: { code: expect.any(String) } }]);
  });

  it('can be granted only by those who hold them', async () => {
    expect(await developer('POST', '/clients', { name: 'x', ...SERVICE, roles: ['owner'] })).toMatchObject(
      HELD,
    );
    expect(await developer('POST', '/clients', { name: 'x', ...APP, scope: 'users:delete' })).toMatchObject(
      HELD,
    );
    const app = await made(APP, developer);
    expect(await developer('PATCH', at(app.id), { roles: ['support'] })).toMatchObject(HELD);
    expect(await developer('PATCH', at(app.id), { scope: 'openid keys:write' })).toMatchObject(HELD);
    const own = await developer('PATCH', at(app.id), { roles: ['developer'] });
    expect(own).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
    expect((await owner('PATCH', at(app.id), { roles: ['support'] })).body).toMatchObject({
      roles: ['support'],
    });
    expect(await developer('PATCH', at(app.id), { name: 'mine again' })).toMatchObject(STRONGER);
  });

  it('cannot be dropped by a service account from itself', async () => {
    const service = await serviceAccount(provider, 'owner');
    const { body } = await ownToken(provider, service);
    const call = (method: string, path: string, sent?: unknown) =>
      fetch(`${provider.url}/api/v2${path}`, {
        method,
        headers: {
          'authorization': `Bearer ${body['access_token'] ?? ''}`,
          'content-type': 'application/json',
        },
        ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      });
    expect((await call('POST', `${at(service.id)}/disable`)).status).toBe(403);
    expect((await call('PATCH', at(service.id), { roles: ['support'] })).status).toBe(403);
    expect((await call('DELETE', at(service.id))).status).toBe(403);
    expect((await call('POST', `${at(service.id)}/secrets`)).status).toBe(201);
  });

  it('survive parallel changes', async () => {
    const app = await made(APP);
    const changes = Array.from({ length: 5 }, (_, index) =>
      owner('PATCH', at(app.id), {
        [['tos_uri', 'policy_uri', 'client_uri', 'logo_uri', 'initiate_login_uri'][index]!]:
          'https://a.example/',
      }),
    );
    expect((await Promise.all(changes)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await owner('GET', at(app.id))).body).toMatchObject({
      version: 6,
      tos_uri: 'https://a.example/',
      logo_uri: 'https://a.example/',
    });
  });
});

describe('a preview of tokens', () => {
  it('shows their claims and issues none', async () => {
    const person = await provider.createPerson();
    await owner('POST', '/apis', {
      identifier: ORDERS,
      name: 'Orders',
      scopes: ['o:read', 'o:write'],
      enforce_roles: true,
    });
    await owner('POST', '/roles', { name: 'clerk', scopes: [{ api: ORDERS, scopes: ['o:read'] }] });
    await provider.sql("update users set roles = '{user,clerk}' where id = $1", [person.id]);
    const client = await made({
      grant_types: ['authorization_code', 'client_credentials'],
      redirect_uris: [REDIRECT_URI],
      scope: 'openid email roles permissions o:read o:write',
      subject_type: 'pairwise',
      first_party: true,
      claim_mappings: { groups: { name: 'teams', always: true } },
    });
    const scope = 'openid email roles permissions o:read o:write';
    const tokens = await signIn(provider, client, person, { parameters: { scope, resource: ORDERS } });
    const { body } = await owner('POST', `${at(client.id)}/preview`, {
      user: person.id,
      scope,
      resource: ORDERS,
    });
    const claimsOf = (name: string) => (body[name] as { claims: Record<string, unknown> }).claims;
    const sorted = (claims: Record<string, unknown>) => ({
      ...claims,
      ...(claims['scope'] === undefined ? {} : { scope: (claims['scope'] as string).split(' ').sort() }),
    });
    const real = sorted(decodeJwt(tokens.access_token));
    expect(real).toMatchObject(sorted(claimsOf('access_token')));
    expect(claimsOf('access_token')).toMatchObject({
      roles: ['user', 'clerk'],
      permissions: ['o:read'],
      teams: [],
    });
    expect(decodeJwt(tokens.id_token)).toMatchObject(body['id_token'] as object);
    expect((await userinfo(provider, tokens.access_token)).body).toEqual(body['userinfo']);
    const own = await ownToken(provider, client);
    expect(decodeJwt(own.body['access_token'] ?? '')).toMatchObject(claimsOf('client_credentials'));
    const others = await owner('POST', `${at(client.id)}/preview`);
    expect(others.body).toMatchObject({ id_token: null, userinfo: null, access_token: null });
    expect((await developer('POST', `${at(client.id)}/preview`, { user: person.id })).status).toBe(403);
    expect((await developer('POST', `${at(client.id)}/preview`, {})).status).toBe(200);
    expect((await owner('POST', `${at(client.id)}/preview`, { user: randomUUID() })).status).toBe(404);
  });
});
