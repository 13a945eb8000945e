/** SCIM 2.0 (RFC 7643, RFC 7644): tokens, versions, bulk, and what a directory may do to operators. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { type Call, callAs, itemsOf } from '../api/support/operators.ts';
import { json } from '../cli/support/commands.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { signIn } from '../oidc/support/flow.ts';
import { parseFilter } from '../../src/domain/scim/expressions.ts';
import { USER_TYPE } from '../../src/domain/scim/schema.ts';
import { conditionOf, USER_ATTRIBUTES } from '../../src/storage/directory-sql.ts';
import { directory, idOf, listed, patchOf, type Scim, scimAs } from './client.ts';

let provider: Provider;
let owner: Call;
let scim: Scim;
let tokenId: string;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await callAs(provider, 'owner');
  ({ scim, id: tokenId } = await directory(provider));
});

const unique = () => randomUUID().slice(0, 8);
const address = () => `p-${unique()}@corp.example`;
const create = async (more: Record<string, unknown> = {}) => {
  const made = await scim('POST', '/Users', { userName: address(), ...more });
  expect(made).toMatchObject({ status: 201 });
  return made;
};
const withRoles = async (...roles: string[]) => {
  const person = await provider.createPerson();
  await provider.operator.accounts.update(person.id, { roles: ['user', ...roles] }, systemActor);
  return person;
};
const groupOf = async (role: string | null) =>
  String(
    (await owner('POST', '/groups', { name: `g-${unique()}`, roles: role === null ? [] : [role] })).body[
      'id'
    ],
  );

describe('SCIM tokens', () => {
  it('are created through the API and the command, shown once, and revoked by deletion', async () => {
    const made = await owner('POST', '/scim-tokens', { name: 'Entra ID' });
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: expect.any(String),
        token: expect.stringMatching(/^scim_/),
        name: 'Entra ID',
        expires_at: null,
      },
    });
    const env = { env: provider.postern.env };
    const other = await json<{ id: string; token: string }>(['scim-token', 'create'], env);
    const asks = async (token: unknown) =>
      (await scimAs(provider, String(token))('GET', '/Users?count=0')).status;
    expect([await asks(made.body['token']), await asks(other.token)]).toEqual([200, 200]);
    const { items, text } = await owner('GET', '/scim-tokens').then((reply) => ({
      items: itemsOf(reply),
      text: JSON.stringify(reply.body),
    }));
    expect(items.map(({ id }) => id)).toEqual(expect.arrayContaining([made.body['id'], other.id]));
    expect(text).not.toContain('scim_');
    // With a third token, the least recently used one expires in a day.
    expect(items.filter(({ expires_at }) => expires_at === null)).toHaveLength(2);
    expect((await owner('DELETE', `/scim-tokens/${other.id}`)).status).toBe(204);
    expect(await asks(other.token)).toBe(401);
    const late = await owner('POST', '/scim-tokens', { name: 'Expired' });
    await provider.sql('update scim_tokens set expires_at = now() where id = $1', [late.body['id']]);
    expect(await asks(late.body['token'])).toBe(401);
    await json(['scim-token', 'delete', String(made.body['id'])], env);
    expect(await asks(made.body['token'])).toBe(401);
    for (const id of [other.id, 'x', '\0', tokenId.slice(1)])
      expect(await owner('DELETE', `/scim-tokens/${encodeURIComponent(id)}`)).toMatchObject({
        status: 404,
        body: { code: 'scim_token_not_found' },
      });
    const [stored] = await provider.sql('select count(*)::int as n from scim_tokens where hash like $1', [
      'scim%',
    ]);
    expect(stored).toEqual({ n: 0 });
  });

  it('need the permission, and no other token is accepted', async () => {
    const support = await callAs(provider, 'support');
    expect((await support('POST', '/scim-tokens', {})).status).toBe(403);
    for (const token of ['', 'x', `scim_${'a'.repeat(43)}`, 'scim_\u00e4']) {
      const reply = await fetch(`${provider.url}/scim/v2/Users`, {
        headers: token === '' ? {} : { authorization: `Bearer ${encodeURIComponent(token)}` },
      });
      expect([reply.status, reply.headers.get('www-authenticate')?.startsWith('Bearer')]).toEqual([
        401,
        true,
      ]);
      expect(await reply.json()).toMatchObject({
        status: '401',
        schemas: [expect.stringContaining(':Error')],
      });
    }
  });

  it('are the actor in audit events', async () => {
    const { body } = await create();
    const event = await provider.audited('user.created', String(body['id']));
    expect(event).toMatchObject({ door: 'scim', actor_kind: 'client', actor_id: tokenId });
    const path = `/Users/${String(body['id'])}`;
    await scim('PATCH', path, patchOf({ op: 'add', value: { title: 'Engineer', displayName: 'Ann' } }));
    const changes = await owner('GET', `/audit?subject=${String(body['id'])}&type=user.updated`);
    expect(itemsOf(changes)).toMatchObject([
      { before: { title: null }, after: { title: 'Engineer' } },
      { before: { name: null }, after: { name: 'Ann' } },
    ]);
    const seen = await owner('GET', `/audit?actor=${tokenId}&limit=1`);
    expect(itemsOf(seen)).toMatchObject([
      { actor: { kind: 'client', id: tokenId, name: 'SCIM' }, door: 'scim' },
    ]);
  });
});

describe('filters that directories use', () => {
  it.each([
    ['userName eq "a@b.example"', 'directory_entries_user_name_key_key'],
    ['userName eq "a@b.example" and active eq true', 'users_email_prefix'],
    ['externalId eq "x"', 'users_external_id'],
    ['emails[type eq "work"].value eq "a@b.example"', 'directory_entries_email_keys'],
    ['emails.value eq "a@b.example"', 'users_email'],
    ['displayName eq "Ann"', 'users_name_lower'],
    ['id eq "7c3c6d5c-0000-4000-8000-000000000000"', 'users_pkey'],
  ])('are answered from an index: %s uses %s', async (filter, index) => {
    const values: unknown[] = [];
    const condition = conditionOf(
      USER_ATTRIBUTES,
      parseFilter(filter, USER_TYPE),
      (value) => `$${values.push(value)}`,
    );
    await provider.sql('set enable_seqscan = off');
    const plan = await provider.sql(
      `explain select u.id from users u left join directory_entries e on e.account_id = u.id where ${condition}`,
      values,
    );
    expect(JSON.stringify(plan)).toContain(index);
  });
});

describe('SCIM versions', () => {
  it('guard changes by If-Match', async () => {
    const made = await create({ title: 'one' });
    const id = idOf(made);
    const first = made.headers.get('etag') ?? '';
    expect((made.body['meta'] as { version: string }).version).toBe(first);
    const patch = (value: string, tag: string) =>
      scim('PATCH', `/Users/${id}`, patchOf({ op: 'replace', path: 'title', value }), { 'if-match': tag });
    const changed = await patch('two', first);
    const second = changed.headers.get('etag') ?? '';
    expect([changed.status, second === first]).toEqual([200, false]);
    for (const tag of [first, '"x"', 'W/"99"'])
      expect(await patch('three', tag)).toMatchObject({ status: 412, body: { status: '412' } });
    expect((await scim('DELETE', `/Users/${id}`, undefined, { 'if-match': first })).status).toBe(412);
    expect((await scim('GET', `/Users/${id}`, undefined, { 'if-none-match': second })).status).toBe(304);
    // The same change again changes nothing.
    expect((await patch('two', second)).headers.get('etag')).toBe(second);
    await signIn(provider, await provider.createClient(), await provider.createPerson());
    const races = await Promise.all(['a', 'b', 'c', 'd'].map((value) => patch(value, second)));
    expect(races.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe('a directory', () => {
  it('can suspend an operator, but not the last owner', async () => {
    const helper = await withRoles('support');
    const suspend = (id: string) =>
      scim('PATCH', `/Users/${id}`, patchOf({ op: 'replace', value: { active: false } }));
    expect(await suspend(helper.id)).toMatchObject({ status: 200, body: { active: false } });
    // An operator has reactivated the account.
    expect(
      await scim('PATCH', `/Users/${helper.id}`, patchOf({ op: 'replace', value: { active: true } })),
    ).toMatchObject({ status: 403 });
    await provider.sql("update users set roles = array_remove(roles, 'owner')");
    const owners = [await withRoles('owner'), await withRoles('owner')];
    const replies = await Promise.all(owners.map(({ id }) => suspend(id)));
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });

  it('cannot change an operator’s credentials or address, delete operators or create them', async () => {
    const helper = await withRoles('support');
    const { id } = helper;
    const path = `/Users/${id}`;
    const refused = { status: 403, body: { status: '403' } };
    for (const value of [
      { 'emails[type eq "work"].value': address() },
      { password: 'a long enough password of theirs' },
      { userName: `u${unique()}` },
      { roles: [{ value: 'support' }, { value: 'owner' }] },
      { 'roles[primary eq "True"].value': 'admin' },
    ])
      expect(await scim('PATCH', path, patchOf({ op: 'replace', value }))).toMatchObject(refused);
    expect(await scim('DELETE', path)).toMatchObject(refused);
    expect(
      await scim('PATCH', path, patchOf({ op: 'replace', value: { displayName: 'Helper', roles: [] } })),
    ).toMatchObject({ status: 200 });
    expect(await provider.operator.accounts.find(id)).toMatchObject({
      email: helper.email,
      roles: ['user', 'support'],
    });
    expect(await scim('POST', '/Users', { userName: address(), roles: ['auditor'] })).toMatchObject(refused);
    const events = await provider.sql(
      "select details from audit_events where type = 'operator.refused' and door = 'scim'",
    );
    expect(events.length).toBeGreaterThanOrEqual(6);
  });

  it('cannot change the members of a group with permissions', async () => {
    const [managers, plain] = [await groupOf('support'), await groupOf(null)];
    const inside = await provider.createPerson();
    await owner('PUT', `/groups/${managers}/members/${inside.id}`);
    const outside = idOf(await create());
    const on = (group: string, ...operations: unknown[]) =>
      scim('PATCH', `/Groups/${group}`, patchOf(...operations));
    const add = { op: 'add', path: 'members', value: [{ value: outside }] };
    expect(await on(managers, add)).toMatchObject({ status: 403 });
    expect(await on(managers, { op: 'remove', path: 'members' })).toMatchObject({ status: 403 });
    expect(await scim('PUT', `/Groups/${managers}`, { displayName: 'x', members: [outside] })).toMatchObject({
      status: 403,
    });
    expect(await scim('DELETE', `/Groups/${managers}`)).toMatchObject({ status: 403 });
    // Repeating the current state is allowed.
    expect(await on(managers, { op: 'add', path: 'members', value: [{ value: inside.id }] })).toMatchObject({
      status: 204,
    });
    expect(await on(plain, add)).toMatchObject({ status: 204 });
    expect(await on(plain, { op: 'replace', value: { externalId: `e-${unique()}` } })).toMatchObject({
      status: 204,
    });
    expect((await owner('GET', `/groups/${plain}`)).body).toMatchObject({ source: 'scim' });
    expect((await owner('GET', `/users/${outside}`)).body).toMatchObject({ source: 'scim' });
    expect((await scim('DELETE', `/Groups/${plain}`)).status).toBe(204);
  });

  it('ends the sessions of accounts that it suspends', async () => {
    const person = await provider.createPerson();
    const client = await provider.createClient();
    const tokens = await signIn(provider, client, person, {
      parameters: { scope: 'openid offline_access', prompt: 'consent' },
    });
    await scim('PATCH', `/Users/${person.id}`, patchOf({ op: 'Replace', path: 'active', value: 'False' }));
    const reply = await fetch(`${provider.url}/oauth2/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(reply.status).toBe(401);
  });
});

describe('attributes defined by the operator', () => {
  const URN = 'urn:postern:params:scim:schemas:extension:attributes:2.0:User';
  it('form an extension that directories read, change and filter by', async () => {
    const writable = { write: ['operator'] };
    const properties = {
      team: { type: 'string', maxLength: 20, ...writable },
      level: { type: 'integer', minimum: 1, ...writable },
      remote: { type: 'boolean', ...writable },
      sites: { type: 'array', items: { type: 'string' }, ...writable },
      badge: { type: 'string', write: [] },
      private: { type: 'string', read: ['person'], write: ['person'] },
    };
    expect(await owner('PUT', '/attributes', { schema: { type: 'object', properties } })).toMatchObject({
      status: 200,
    });
    const { body: schema } = await scim('GET', `/Schemas/${URN}`);
    expect(schema['attributes']).toMatchObject([
      { name: 'team', type: 'string', mutability: 'readWrite' },
      { name: 'level', type: 'integer' },
      { name: 'remote', type: 'boolean' },
      { name: 'sites', type: 'string', multiValued: true },
      { name: 'badge', mutability: 'readOnly' },
    ]);
    const first = await create({
      [URN]: { team: 'Blue', level: '3', remote: 'True', sites: ['Rome'], badge: 'x', private: 'x' },
    });
    const id = idOf(first);
    expect(first.body).toMatchObject({ [URN]: { team: 'Blue', level: 3, remote: true, sites: ['Rome'] } });
    expect((await owner('GET', `/users/${id}`)).body['attributes']).toEqual({
      team: 'Blue',
      level: 3,
      remote: true,
      sites: ['Rome'],
    });
    const changed = await scim(
      'PATCH',
      `/Users/${id}`,
      patchOf(
        { op: 'add', path: `${URN}:sites`, value: ['Oslo'] },
        { op: 'remove', path: `${URN}:remote` },
        { op: 'replace', value: { [`${URN}:level`]: 7 } },
      ),
    );
    expect(changed.body[URN]).toEqual({ team: 'Blue', level: 7, sites: ['Rome', 'Oslo'] });
    for (const filter of [
      'team eq "Blue"',
      'level gt 6',
      'sites eq "Oslo"',
      'sites co "Os" and URN:level le 7',
      'team pr',
    ])
      expect(
        listed(await scim('POST', '/Users/.search', { filter: filter.replace(/^|URN:/g, `${URN}:`) })).map(
          (one) => one['id'],
        ),
      ).toEqual([id]);
    await provider.sql(`update users set attributes = '{"level": "high", "remote": 5}' where id = $1`, [id]);
    for (const filter of ['level gt 6', 'remote eq true'])
      expect(await scim('POST', '/Users/.search', { filter: `${URN}:${filter}` })).toMatchObject({
        status: 200,
        body: { totalResults: 0 },
      });
    for (const value of [{ level: 'x' }, { level: 0 }, { team: 'x'.repeat(21) }, { remote: 'perhaps' }])
      expect(
        await scim('PATCH', `/Users/${id}`, patchOf({ op: 'replace', value: { [URN]: value } })),
      ).toMatchObject({
        status: 400,
        body: { scimType: 'invalidValue' },
      });
  });
});

describe('a SCIM bulk request', () => {
  it('performs each operation by itself, referenced ones first', async () => {
    const name = unique();
    const reply = await scim('POST', '/Bulk', {
      Operations: [
        {
          method: 'POST',
          path: '/Groups',
          bulkId: 'g',
          data: { displayName: `b-${name}`, members: [{ value: 'bulkId:u' }] },
        },
        { method: 'post', path: '/Users', bulkId: 'u', data: { userName: `${name}@corp.example` } },
        { method: 'PATCH', path: '/Users/bulkId:u', data: patchOf({ op: 'add', path: 'title', value: 'x' }) },
        { method: 'POST', path: '/Users', bulkId: 'again', data: { userName: `${name}@corp.example` } },
        { method: 'DELETE', path: '/Users/bulkId:none' },
        { method: 'DELETE', path: '/Users/bulkId:u', version: 'W/"0"' },
      ],
    });
    const operations = reply.body['Operations'] as Record<string, unknown>[];
    expect(operations.map(({ status }) => status)).toEqual(['201', '201', '200', '409', '400', '412']);
    expect(operations[0]).toMatchObject({
      bulkId: 'g',
      method: 'POST',
      location: expect.stringContaining('/Groups/'),
      version: expect.any(String),
    });
    expect(operations[3]).toMatchObject({ response: { scimType: 'uniqueness' } });
    const { body } = await scim('GET', `/Groups?filter=${encodeURIComponent(`displayName eq "b-${name}"`)}`);
    expect(body).toMatchObject({ Resources: [{ members: [{ type: 'User' }] }] });
  });

  it('stops after failOnErrors errors, and has a maximum size', async () => {
    const bad = { method: 'DELETE', path: '/Users/x' };
    const stopped = await scim('POST', '/Bulk', { failOnErrors: 2, Operations: [bad, bad, bad] });
    expect(stopped.body['Operations']).toHaveLength(2);
    expect(
      await scim('POST', '/Bulk', { Operations: Array.from({ length: 1_001 }, () => bad) }),
    ).toMatchObject({ status: 413 });
    for (const Operations of [
      undefined,
      'x',
      [null],
      [{ method: 'GET', path: '/Users' }],
      [{ method: 'POST' }],
    ])
      expect(await scim('POST', '/Bulk', { Operations })).toMatchObject({
        status: 400,
        body: { scimType: 'invalidSyntax' },
      });
    const loop = {
      method: 'POST',
      path: '/Groups',
      bulkId: 'l',
      data: { displayName: 'l', members: ['bulkId:l'] },
    };
    expect((await scim('POST', '/Bulk', { Operations: [loop] })).body).toMatchObject({
      Operations: [{ status: '400' }],
    });
    const inner = { method: 'POST', path: '/Bulk', data: { Operations: [] } };
    expect((await scim('POST', '/Bulk', { Operations: [inner] })).body).toMatchObject({
      Operations: [{ status: '404' }],
    });
  });
});
