import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { attributeSchema } from '../../src/config/attributes.ts';
import { systemActor } from '../../src/core/actor.ts';
import { SCOPE_CLAIMS } from '../../src/oidc/account.ts';
import { signIn, userinfo } from '../oidc/support/flow.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { until } from '../support/until.ts';
import { apiOf, connect } from './support/client.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

let provider: Provider;
let owner: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await callAs(provider, 'owner');
});

const SCHEMA = {
  type: 'object',
  properties: {
    department: {
      type: 'string',
      enum: ['Sales', 'Research'],
      write: ['person', 'operator'],
      scope: 'profile',
    },
    level: { type: 'integer', minimum: 1, maximum: 9, scope: 'profile', claim: 'https://example.test/level' },
    hobbies: {
      type: 'array',
      items: { type: 'string', maxLength: 20 },
      maxItems: 3,
      write: ['person', 'operator'],
    },
    salary: { type: 'number', read: ['operator'] },
    diary: { type: 'string', read: ['person'], write: ['person'] },
    active: { type: 'boolean', write: ['person', 'operator'] },
  },
};

const set = async (schema: unknown, headers = {}) => owner('PUT', '/attributes', { schema }, headers);

/** Sets attributes of an account as an operator. */
const give = (id: string, values: Record<string, unknown>) =>
  provider.operator.attributes
    .load()
    .then(() =>
      provider.operator.accounts.update(id, { attributes: { by: 'operator', values } }, systemActor),
    );

describe('the schema of attributes', () => {
  it('is replaced under If-Match, and every mistake in it is refused', async () => {
    const before = await owner('GET', '/attributes');
    const done = await set(SCHEMA, { 'If-Match': before.headers.get('etag') ?? '' });
    expect(done).toMatchObject({ status: 200, body: { configured: false, version: 1 } });
    expect(Object.keys((done.body['schema'] as typeof SCHEMA).properties)).toEqual(
      Object.keys(SCHEMA.properties),
    );
    const late = await set({ type: 'object', properties: {} }, { 'If-Match': '"0"' });
    expect(late).toMatchObject({ status: 412, body: { current: { version: 1 } } });
    // Sending the same schema again changes nothing.
    expect(await set(SCHEMA)).toMatchObject({ body: { version: 1 } });
    for (const [properties, required] of [
      [{ Department: { type: 'string' } }],
      [{ department: { type: 'object' } }],
      [{ department: { type: 'string', colour: 'red' } }],
      [{ department: { type: 'string', pattern: '(' } }],
      [{ department: { type: 'string', read: ['operator'], write: ['person'] } }],
      [{ department: { type: 'string', read: ['operator'], scope: 'profile' } }],
      [{ department: { type: 'string', scope: 'profile', claim: 'sub' } }],
      [{ name: { type: 'string', scope: 'profile' } }],
      [{ department: { type: 'string', scope: 'users:read' } }],
      [{ department: { type: 'string', scope: 'offline_access' } }],
      [{ department: { type: 'string' } }, ['department']],
      [{ department: { type: 'string' } }, ['missing']],
    ]) {
      const refused = await set({ type: 'object', properties, ...(required ? { required } : {}) });
      expect([properties, refused.status]).toEqual([properties, 400]);
    }
    expect((await owner('GET', '/attributes')).body['version']).toBe(1);
  });

  it('cannot be changed with read permission, and changes are audited', async () => {
    const auditor = await callAs(provider, 'auditor');
    expect((await auditor('GET', '/attributes')).status).toBe(200);
    expect((await auditor('PUT', '/attributes', { schema: SCHEMA })).status).toBe(403);
    const [event] = await provider.sql("select details from audit_events where type = 'attributes.updated'");
    expect(event).toMatchObject({ details: { before: { properties: {} }, after: { properties: {} } } });
  });

  it('cannot redefine a standard claim', () => {
    for (const claim of Object.values(SCOPE_CLAIMS).flat())
      expect(
        attributeSchema.safeParse({
          properties: { one: { type: 'string', scope: 'profile', claim } },
        }).success,
      ).toBe(false);
  });
});

describe('the attributes of an account', () => {
  it('are seen and changed by those who may, and hidden from everybody else', async () => {
    const person = await provider.createPerson();
    await give(person.id, { department: 'Sales', level: 3, salary: 1000.5 });
    const { call } = await connect(provider, person, 'me:profile:read me:profile:write me:data:read');
    const written = await call('PATCH', '/me', {
      attributes: { diary: 'Dear diary', hobbies: ['chess', 'go'], department: 'Research' },
    });
    const own = { department: 'Research', level: 3, diary: 'Dear diary', hobbies: ['chess', 'go'] };
    expect(written).toMatchObject({ status: 200, body: { invalid_attributes: {} } });
    expect(written.body['attributes']).toEqual(own);
    const data = await call('GET', '/me/data');
    expect((data.body['account'] as typeof written.body)['attributes']).toEqual(own);
    const seen = (await owner('GET', `/users/${person.id}`)).body;
    expect(seen['attributes']).toEqual({
      department: 'Research',
      level: 3,
      salary: 1000.5,
      hobbies: ['chess', 'go'],
    });
    for (const [values, reason] of [
      [{ salary: 9 }, 'unknown'],
      [{ salary: null }, 'unknown'],
      [{ level: 4 }, 'read_only'],
      [{ nothing: 'x' }, 'unknown'],
      [{ department: 'Sails' }, 'invalid_value'],
      [{ department: 7 }, 'invalid_value'],
      [{ hobbies: ['a', 'b', 'c', 'd'] }, 'too_big'],
      [{ hobbies: 'chess' }, 'invalid_type'],
      [{ diary: 'x'.repeat(2001) }, 'too_big'],
    ] as const) {
      const refused = await call('PATCH', '/me', { attributes: values });
      const field = `attributes.${Object.keys(values)[0]}`;
      expect([values, refused.status, refused.body['errors']]).toMatchObject([
        values,
        400,
        [{ field, reason }],
      ]);
    }
    // Changing one attribute keeps the others, also those hidden from the person.
    await call('PATCH', '/me', { attributes: { diary: null } });
    expect((await provider.operator.accounts.find(person.id))?.attributes).toEqual({
      department: 'Research',
      level: 3,
      salary: 1000.5,
      hobbies: ['chess', 'go'],
    });
    const events = await provider.sql(
      "select details from audit_events where type = 'user.updated' and subject = $1 order by at",
      [person.id],
    );
    expect(events.at(-1)).toEqual({ details: { fields: ['attributes.diary'], before: {}, after: {} } });
  });

  it('survive parallel changes of two of them', async () => {
    const person = await provider.createPerson();
    const { call } = await connect(provider, person, 'me:profile:write');
    await Promise.all([
      call('PATCH', '/me', { attributes: { diary: 'one' } }),
      call('PATCH', '/me', { attributes: { department: 'Sales' } }),
      call('PATCH', '/me', { attributes: { active: true } }),
      call('PATCH', '/me', { attributes: { hobbies: ['go'] } }),
    ]);
    expect((await provider.operator.accounts.find(person.id))?.attributes).toEqual({
      diary: 'one',
      department: 'Sales',
      active: true,
      hobbies: ['go'],
    });
  });

  it('find accounts, if the operator may see the attribute', async () => {
    const [one, two] = [await provider.createPerson(), await provider.createPerson()];
    const hobby = randomUUID().slice(0, 8);
    await give(one.id, { department: 'Sales', level: 2, hobbies: [hobby, 'go'], active: false });
    await give(two.id, { department: 'Research', level: 7, hobbies: [hobby] });
    const found = async (query: string) =>
      itemsOf(await owner('GET', `/users?attributes.hobbies=${hobby}&${query}`))
        .map(({ id }) => String(id))
        .sort();
    expect(await found('')).toEqual([one.id, two.id].sort());
    expect(await found('attributes.department=Sales')).toEqual([one.id]);
    expect(await found('attributes.level=7&attributes.level=8')).toEqual([two.id]);
    expect(await found('attributes.active=false')).toEqual([one.id]);
    expect(await found('attributes.department=Sales&attributes.department=Research&count=true')).toEqual(
      [one.id, two.id].sort(),
    );
    for (const query of [
      'attributes.diary=x',
      'attributes.nothing=x',
      'attributes.level=high',
      'attributes.department=%00',
      'attribute.level=1',
    ])
      expect([query, (await owner('GET', `/users?${query}`)).status]).toEqual([query, 400]);
    const plan = await provider.sql(
      `explain select id from users where attributes <> '{}' and attributes @> '{"level":2}'::jsonb`,
    );
    expect(plan).toBeDefined();
  });

  it('become claims by their scopes while they are valid', async () => {
    const person = await provider.createPerson();
    const client = await provider.createClient();
    await give(person.id, { department: 'Sales', level: 2, salary: 5 });
    const claim = 'https://example.test/level';
    const document = async () =>
      (await (await fetch(`${provider.url}/.well-known/openid-configuration`)).json()) as Record<
        string,
        string[]
      >;
    await until(async () => (await document())['claims_supported']?.includes(claim) ?? false);
    const tokens = await signIn(provider, client, person, { parameters: { scope: 'openid profile' } });
    expect(decodeJwt(tokens.id_token)).toMatchObject({ department: 'Sales', [claim]: 2 });
    expect((await userinfo(provider, tokens.access_token)).body).toMatchObject({
      department: 'Sales',
      [claim]: 2,
    });
    expect(JSON.stringify(decodeJwt(tokens.id_token))).not.toContain('salary');
    const less = await signIn(provider, client, person, { parameters: { scope: 'openid email' } });
    expect(decodeJwt(less.id_token)).not.toHaveProperty('department');

    const { salary: _salary, ...others } = SCHEMA.properties;
    await set({ properties: { ...others, department: { ...others.department, enum: ['Research'] } } });
    expect((await userinfo(provider, tokens.access_token)).body).toMatchObject({ [claim]: 2 });
    expect((await userinfo(provider, tokens.access_token)).body).not.toHaveProperty('department');
    const { call } = await connect(provider, person, 'me:profile:read me:profile:write');
    const me = (await call('GET', '/me')).body;
    expect(me['invalid_attributes']).toEqual({ department: 'Sales' });
    // A value that became invalid survives other changes, and may be sent again unchanged.
    expect((await call('PATCH', '/me', { attributes: { active: true, department: 'Sales' } })).status).toBe(
      200,
    );
    await set(SCHEMA);
    expect((await owner('GET', `/users/${person.id}`)).body['attributes']).toEqual({
      department: 'Sales',
      level: 2,
      salary: 5,
      active: true,
    });
    expect(apiOf(provider)).toContain(provider.url);
  });
});
