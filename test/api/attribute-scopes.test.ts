import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { systemActor } from '../../src/core/actor.ts';
import {
  answer,
  authorizationUrl,
  authorize,
  exchange,
  post,
  signIn,
  userinfo,
} from '../oidc/support/flow.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { type Call, callAs } from './support/operators.ts';

const badge = { type: 'string', title: 'Badge number', titles: { de: 'Ausweisnummer' } };
const SCHEMA = {
  properties: {
    badge: { ...badge, scope: 'employee' },
    floor: { type: 'integer', title: 'Floor', scope: 'employee', claim: 'https://example.test/floor' },
    team: { type: 'string', title: '<b>Team\u202e', scope: 'profile' },
  },
};

type Document = Record<string, string[]>;

let provider: Provider;
let owner: Call;
let person: Person;

const put = (schema: unknown) => owner('PUT', '/attributes', { schema });
const documentOf = async () =>
  (await (await fetch(`${provider.url}/.well-known/openid-configuration`)).json()) as Document;
/** Waits until the provider works by the changed schema. */
const inForce = (scope: string, isIn = true) =>
  until(async () => (await documentOf())['scopes_supported']?.includes(scope) === isIn);

beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await callAs(provider, 'owner');
});

beforeEach(async () => {
  expect((await put(SCHEMA)).status).toBe(200);
  await inForce('employee');
  person = await provider.createPerson();
  await provider.operator.attributes.load();
  const values = { badge: 'AB1234', floor: 3, team: 'Tools' };
  await provider.operator.accounts.update(person.id, { attributes: { by: 'operator', values } }, systemActor);
});

describe('an attribute’s own scope', () => {
  it('is a standard scope: in discovery, ID token and userinfo, alone and together with an API', async () => {
    const { claims_supported: claims } = await documentOf();
    expect(claims).toEqual(expect.arrayContaining(['badge', 'https://example.test/floor']));
    const client = await provider.createClient({ scope: 'openid employee' });
    const tokens = await signIn(provider, client, person, { parameters: { scope: 'openid employee' } });
    const own = { 'badge': 'AB1234', 'https://example.test/floor': 3 };
    expect(tokens.scope.split(' ').sort()).toEqual(['employee', 'openid']);
    for (const claimsOf of [
      decodeJwt(tokens.id_token),
      (await userinfo(provider, tokens.access_token)).body,
    ]) {
      expect(claimsOf).toMatchObject(own);
      expect(claimsOf).not.toHaveProperty('team');
    }
    const refreshed = await post<typeof tokens>(provider, 'token', client, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });
    expect(decodeJwt(refreshed.body.id_token)).toMatchObject(own);

    const resource = 'https://canteen.example.test';
    await provider.createApi({ identifier: resource, scopes: ['menu:read'] });
    const eater = await provider.createClient();
    const parameters = { scope: 'openid employee menu:read', resource };
    const both = await signIn(provider, eater, person, { parameters });
    expect(decodeJwt(both.access_token)).toMatchObject({ aud: resource });
    expect(both.scope.split(' ').sort()).toEqual(['employee', 'menu:read', 'openid']);
    expect((await userinfo(provider, both.access_token)).body).toMatchObject(own);
    const seen = await post(provider, 'introspect', eater, { token: both.access_token });
    expect(String(seen.body['scope']).split(' ').sort()).toEqual(['employee', 'menu:read', 'openid']);
  });

  it('is granted only to clients that may request it, and single claims can be requested without it', async () => {
    const narrow = await provider.createClient({ scope: 'openid profile' });
    const refused = await authorize(provider, new UserAgent(provider.url), narrow, person, {
      scope: 'openid employee',
    });
    expect(refused.get('error')).toBe('invalid_scope');
    const client = await provider.createClient();
    const claims = JSON.stringify({ id_token: { badge: null } });
    const tokens = await signIn(provider, client, person, { parameters: { scope: 'openid', claims } });
    expect(decodeJwt(tokens.id_token)).toMatchObject({ badge: 'AB1234' });
    expect(decodeJwt(tokens.id_token)).not.toHaveProperty('https://example.test/floor');
    const preview = await owner('POST', `/clients/${client.id}/preview`, {
      user: person.id,
      scope: 'openid employee',
    });
    expect(preview.body).toMatchObject({ id_token: { badge: 'AB1234' }, userinfo: { badge: 'AB1234' } });
  });

  it('is described in the person’s language on the consent page', async () => {
    const client = await provider.createClient();
    const agent = new UserAgent(provider.url);
    const url = authorizationUrl(provider, client, { scope: 'openid profile employee' });
    const start = await agent.open(url);
    const consent = await agent.submit(
      start,
      { identifier: person.email, password: person.password },
      '/sign-in',
    );
    expect(consent.html).toContain('See this about you: Badge number, Floor, and &lt;b&gt;Team<');
    expect(consent.html).not.toContain('employee”');
    const german = await agent.open(`${url}&ui_locales=de`);
    expect(german.html).toContain('Diese Angaben über Sie sehen: Ausweisnummer, Floor und');
    const { leftFor } = await answer(agent, german, person);
    const reply = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
    expect(decodeJwt(reply.body.id_token)).toMatchObject({ badge: 'AB1234', team: 'Tools' });
  });

  it('is refused if an API has the same scope, and the other way round', async () => {
    const api = { identifier: 'https://hr.example.test', name: 'HR', scopes: ['employee'] };
    const made = await owner('POST', '/apis', api);
    expect(made.status).toBe(400);
    expect(JSON.stringify(made.body)).toContain('employee, a scope of OpenID Connect');
    expect((await owner('POST', '/apis', { ...api, scopes: ['payroll'] })).status).toBe(201);
    const id = encodeURIComponent(api.identifier);
    expect((await owner('PATCH', `/apis/${id}`, { scopes: ['payroll', 'employee'] })).status).toBe(400);
    const refused = await put({ properties: { badge: { ...badge, scope: 'payroll' } } });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain(`a scope of the API ${api.identifier}`);
    for (const scope of [
      'users:read',
      'me:profile:read',
      'offline_access',
      'constructor',
      '__proto__',
      'a b',
    ])
      expect([scope, (await put({ properties: { badge: { ...badge, scope } } })).status]).toEqual([
        scope,
        400,
      ]);
  });

  it('is taken once if an API and an attribute claim it in parallel', async () => {
    for (const scope of ['desk1', 'desk2', 'desk3', 'desk4']) {
      const [api, attribute] = await Promise.all([
        owner('POST', '/apis', { identifier: `https://${scope}.test`, name: 'Desk', scopes: [scope] }),
        put({ properties: { ...SCHEMA.properties, desk: { type: 'string', scope } } }),
      ]);
      expect([
        [201, 400],
        [400, 200],
      ]).toContainEqual([api.status, attribute.status]);
    }
  });

  it('cannot be removed while a client names it, and is ignored in requests afterwards', async () => {
    const client = await provider.createClient({ scope: 'openid employee' });
    const tokens = await signIn(provider, client, person, { parameters: { scope: 'openid employee' } });
    const without = { properties: { team: SCHEMA.properties.team } };
    const refused = await put(without);
    expect(refused).toMatchObject({ status: 409, body: { code: 'in_use' } });
    expect(String(refused.body['detail'])).toMatch(/^the client \S+ refers to it/);
    const other = await provider.createClient();
    const before = await signIn(provider, other, person, { parameters: { scope: 'openid employee' } });
    // Earlier tests have left clients that name it.
    await provider.sql(
      "delete from clients where string_to_array(metadata ->> 'scope', ' ') && '{employee}'",
    );
    expect((await put(without)).status).toBe(200);
    await inForce('employee', false);
    expect((await userinfo(provider, before.access_token)).body).not.toHaveProperty('badge');
    const after = await signIn(provider, other, person, { parameters: { scope: 'openid employee' } });
    expect(after.scope).toBe('openid');
    expect(decodeJwt(after.id_token)).not.toHaveProperty('badge');
    expect(tokens.scope).toContain('employee');
  });
});

it('the server does not start if a configured attribute has the scope of an API, and says so', async () => {
  const { url } = await createDatabase();
  const first = await startPostern({ databaseUrl: url });
  const folder = await temporaryFolder();
  const file = path.join(folder, 'postern.yaml');
  const both = `apis: [{ identifier: https://hr.test, name: HR, scopes: [employee] }]
attributes: { properties: { badge: { type: string, scope: employee } } }
`;
  await writeFile(file, both);
  const refused = await runCli(['apply', '-f', file, '--yes'], { env: first.env });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('a scope of the API https://hr.test');
  // Nothing is left half done.
  const made = ['api', 'create', '--identifier', 'https://hr.test', '--name', 'HR', '--scope', 'employee'];
  expect(await runCli(made, { env: first.env })).toMatchObject({ code: 0 });
  const attributes = { properties: { badge: { type: 'string', scope: 'employee' } } };
  await expect(startPostern({ databaseUrl: url, settings: { attributes } })).rejects.toThrow(
    'attributes.properties.badge.scope must not be employee, a scope of the API https://hr.test',
  );
});
