/** The requests of Entra ID and Okta, line by line. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { directory, ENTERPRISE, GROUP, idOf, listed, patchOf, type Scim, scimAs, USER } from './client.ts';

let provider: Provider;
let scim: Scim;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  ({ scim } = await directory(provider));
});

const unique = () => randomUUID().slice(0, 8);

async function person(more: Record<string, unknown> = {}): Promise<Record<string, unknown> & { id: string }> {
  const address = `p-${unique()}@corp.example`;
  const made = await scim('POST', '/Users', {
    schemas: [USER],
    userName: address,
    displayName: 'Pat Doe',
    name: { givenName: 'Pat', familyName: 'Doe' },
    emails: [{ value: address, type: 'work', primary: true }],
    ...more,
  });
  expect(made).toMatchObject({ status: 201 });
  return made.body as Record<string, unknown> & { id: string };
}

async function group(members: string[] = [], more: Record<string, unknown> = {}): Promise<string> {
  const made = await scim('POST', '/Groups', {
    schemas: [GROUP],
    displayName: `g-${unique()}`,
    members: members.map((value) => ({ value })),
    ...more,
  });
  expect(made).toMatchObject({ status: 201 });
  return idOf(made);
}

const patch = (id: string, ...operations: unknown[]) => scim('PATCH', `/Users/${id}`, patchOf(...operations));
const patchGroup = (id: string, ...operations: unknown[]) =>
  scim('PATCH', `/Groups/${id}`, patchOf(...operations));
const user = async (id: string) => (await scim('GET', `/Users/${id}`)).body;
const membersOf = async (id: string): Promise<string[]> => {
  const { body } = await scim('GET', `/Groups/${id}`);
  return ((body['members'] ?? []) as { value: string }[]).map(({ value }) => value).sort();
};
const filtered = async (path: string, filter: string, more = '') =>
  scim('GET', `${path}?filter=${encodeURIComponent(filter)}${more}`);

describe('Entra ID', () => {
  it('may capitalize op', async () => {
    const { id } = await person();
    for (const op of ['Add', 'Replace', 'REPLACE'])
      expect(await patch(id, { op, path: 'displayName', value: op })).toMatchObject({
        status: 200,
        body: { displayName: op },
      });
    expect((await patch(id, { op: 'Remove', path: 'displayName' })).body['displayName']).toBeUndefined();
    expect(await patch(id, { op: 'Swap', path: 'displayName', value: 'x' })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidSyntax' },
    });
  });

  it('may send active as a string', async () => {
    const { id } = await person();
    for (const [value, active] of [
      ['False', false],
      ['True', true],
      ['false', false],
      [true, true],
    ])
      expect(await patch(id, { op: 'Replace', path: 'active', value })).toMatchObject({
        status: 200,
        body: { active },
      });
    expect(await patch(id, { op: 'Replace', path: 'active', value: 'maybe' })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    });
  });

  it('may replace without a path, by dotted names and URNs', async () => {
    const { id } = await person();
    const value = {
      'name.familyName': 'Roe',
      'title': 'Engineer',
      [`${ENTERPRISE}:department`]: 'Sales',
      [ENTERPRISE]: { costCenter: '42' },
      [`${USER}:nickName`]: 'Patty',
      'emails[type eq "home"].value': 'pat@home.example',
      'unknownOne': 'x',
      'id': 'another',
    };
    expect(await patch(id, { op: 'replace', value })).toMatchObject({
      status: 200,
      body: {
        id,
        name: { givenName: 'Pat', familyName: 'Roe' },
        title: 'Engineer',
        nickName: 'Patty',
        [ENTERPRISE]: { department: 'Sales', costCenter: '42' },
      },
    });
    expect((await user(id))['emails']).toContainEqual({ type: 'home', value: 'pat@home.example' });
  });

  it('may set a work address that does not exist yet', async () => {
    const { id, userName } = await person({ emails: [] });
    const path = 'phoneNumbers[type eq "work"].value';
    expect(await patch(id, { op: 'Add', path, value: '+49 30 123456' })).toMatchObject({
      status: 200,
      body: { phoneNumbers: [{ type: 'work', value: '+49 30 123456' }] },
    });
    const other = { op: 'Replace', path: 'emails[type eq "other"].value', value: 'other@corp.example' };
    const { body } = await patch(id, other);
    expect(body['emails']).toEqual([
      { type: 'work', primary: true, value: userName },
      { type: 'other', value: 'other@corp.example' },
    ]);
    const moved = `moved-${unique()}@corp.example`;
    await patch(id, { op: 'Replace', path: 'emails[type eq "work"].value', value: moved });
    expect(await provider.operator.accounts.find(id)).toMatchObject({
      email: moved,
      phoneNumber: '+4930123456',
    });
    expect(
      await patch(id, { op: 'Replace', path: 'emails[type ne "x" and type ne "y"]', value: 3 }),
    ).toMatchObject({ status: 400 });
  });

  it('may remove the members that it names, and no others', async () => {
    const [a, b, c] = [await person(), await person(), await person()];
    const id = await group([a.id, b.id, c.id]);
    expect(await patchGroup(id, { op: 'Remove', path: 'members', value: [{ value: a.id }] })).toMatchObject({
      status: 204,
    });
    expect(await membersOf(id)).toEqual([b.id, c.id].sort());
    await patchGroup(id, { op: 'Remove', path: 'members', value: [{ $ref: null, value: b.id }] });
    expect(await membersOf(id)).toEqual([c.id]);
  });

  it('may send the manager as a plain string, and filter roles by primary', async () => {
    const [{ id }, boss] = [await person(), await person()];
    const manager = async (value: unknown) =>
      ((await patch(id, { op: 'Add', path: `${ENTERPRISE}:manager`, value })).body[ENTERPRISE] as
        object | undefined) ?? {};
    for (const value of [boss.id, { value: boss.id }, [{ value: boss.id }]])
      expect(await manager(value)).toMatchObject({ manager: { value: boss.id } });
    expect(await manager('')).toEqual({});
    await provider.operator.roles.create(
      {
        actor: { kind: 'system', id: null, door: 'x', ip: null, userAgent: null, requestId: null },
        accountId: null,
        permissions: new Set(['roles:write']),
      },
      { name: `app-${id.slice(0, 8)}` },
    );
    const role = `app-${id.slice(0, 8)}`;
    expect(
      await patch(id, { op: 'Replace', path: 'roles[primary eq "True"].value', value: role }),
    ).toMatchObject({
      status: 200,
      body: { roles: [{ primary: true, value: role }] },
    });
    expect(await provider.operator.accounts.find(id)).toMatchObject({ roles: ['user', role] });
    await patch(id, { op: 'Replace', path: 'roles[primary eq "True"].value', value: 'no-role-here' });
    expect(await provider.operator.accounts.find(id)).toMatchObject({ roles: ['user'] });
    expect((await user(id))['roles']).toEqual([{ primary: true, value: 'no-role-here' }]);
  });

  it('may test the connection with an unknown user', async () => {
    const reply = await filtered('/Users', `userName eq "${randomUUID()}"`);
    expect(reply).toMatchObject({ status: 200, body: { totalResults: 0, startIndex: 1, Resources: [] } });
    expect(reply.headers.get('content-type')).toMatch(/^application\/scim\+json/);
  });

  it('may find users that it disabled, and delete them later', async () => {
    const { id, userName } = await person();
    await patch(id, { op: 'Replace', path: 'active', value: 'False' });
    const found = await filtered('/Users', `userName eq "${String(userName).toUpperCase()}"`);
    expect(listed(found)).toMatchObject([{ id, active: false }]);
    expect((await scim('DELETE', `/Users/${id}`)).status).toBe(204);
    expect((await scim('GET', `/Users/${id}`)).status).toBe(404);
    expect((await scim('DELETE', `/Users/${id}`)).status).toBe(404);
  });

  it('may find by userName, externalId, address and displayName, without members', async () => {
    const externalId = `ext-${unique()}`;
    const displayName = `Name ${unique()}`;
    const { id, userName } = await person({ externalId, displayName });
    const name = `g-${unique()}`;
    const groupId = await group([id], { displayName: name, externalId });
    for (const filter of [
      `userName eq "${String(userName)}"`,
      `externalId eq "${externalId}"`,
      `emails[type eq "work"].value eq "${String(userName)}"`,
      `emails.value eq "${String(userName)}"`,
      `displayName eq "${displayName.toLowerCase()}"`,
    ])
      expect(listed(await filtered('/Users', filter)).map((one) => one['id'])).toEqual([id]);
    for (const filter of [`displayName eq "${name.toUpperCase()}"`, `externalId eq "${externalId}"`]) {
      const [found] = listed(await filtered('/Groups', filter, '&excludedAttributes=members'));
      expect(found).toMatchObject({ id: groupId, displayName: name });
      expect(found).not.toHaveProperty('members');
    }
  });

  it('may add schemas of other services, and send empty lists of operations', async () => {
    const other = 'urn:ietf:params:scim:schemas:extension:CustomExtension:2.0:User';
    const { id } = await person({ schemas: [USER, other], [other]: { tag: 'x' } });
    expect(await patch(id, { op: 'Add', path: `${other}:tag`, value: 'y' })).toMatchObject({ status: 200 });
    expect(await patch(id)).toMatchObject({ status: 200, body: { id } });
    const { text, status } = await scim('GET', '/Schemas');
    expect({ status, hasNull: text.includes('null') }).toEqual({ status: 200, hasNull: false });
  });

  it('may replace its token while the old one is valid', async () => {
    const [first, second] = [await directory(provider), await directory(provider)];
    for (const { token } of [first, second])
      expect((await scimAs(provider, token)('GET', '/Users?count=0')).status).toBe(200);
  });
});

describe('Okta', () => {
  it('gets pages from 1 in a stable order, with integers', async () => {
    for (let index = 0; index < 3; index += 1) await person();
    const seen: unknown[] = [];
    for (let startIndex = 1; ; startIndex += 2) {
      const { body } = await scim('GET', `/Users?startIndex=${startIndex}&count=2`);
      const resources = body['Resources'] as { id: string }[];
      expect(body).toMatchObject({ startIndex, itemsPerPage: resources.length });
      seen.push(...resources.map(({ id }) => id));
      if (seen.length >= Number(body['totalResults'])) break;
    }
    expect(new Set(seen).size).toBe(seen.length);
    const [all] = [await scim('GET', '/Users?startIndex=1&count=100')];
    expect(listed(all).map(({ id }) => id)).toEqual(seen);
    expect((await scim('GET', '/Users?startIndex=-3&count=-1')).body).toMatchObject({
      startIndex: 1,
      itemsPerPage: 0,
    });
  });

  it('may create users with a password and empty groups, and reads the id in the reply', async () => {
    const password = 'a long enough password of theirs';
    const { id, ...made } = await person({ password, groups: [], locale: 'en_US', active: true });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(made).not.toHaveProperty('password');
    expect(await provider.operator.accounts.find(id)).toMatchObject({
      hasPassword: true,
      locale: 'en-US',
      source: 'scim',
      emailVerifiedAt: null,
    });
    const weak = await scim('POST', '/Users', { userName: `${unique()}@corp.example`, password: 'short' });
    expect(weak).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue', detail: expect.stringContaining('password') },
    });
  });

  it('may use names that are invalid as usernames, and reuse those of deleted users', async () => {
    const body = { userName: `CORP\\pat doe ${unique()}`, emails: [{ value: `${unique()}@corp.example` }] };
    const { id } = await person(body);
    expect(await provider.operator.accounts.find(id)).toMatchObject({ username: null });
    const other = { ...body, emails: [{ value: `${unique()}@corp.example` }] };
    const same = await Promise.all([1, 2, 3].map(() => scim('POST', '/Users', other)));
    expect(same.map(({ status }) => status)).toEqual([409, 409, 409]);
    // The owner deletes the account: it is kept for a while, but its names are free.
    const owner = { kind: 'user', id, door: 'pages', ip: null, userAgent: null, requestId: null } as const;
    expect(await provider.operator.accountData(id)).toMatchObject({ directory: { userName: body.userName } });
    await provider.operator.accounts.remove(id, owner);
    await person(body);
  });

  it('gets uniqueness errors in the form of SCIM', async () => {
    const { userName } = await person({ externalId: `x-${unique()}` });
    const known = await provider.createPerson();
    for (const body of [
      { userName: String(userName).toUpperCase() },
      { userName: known.email },
      { userName: known.username, emails: [{ value: `${unique()}@corp.example` }] },
      { userName: unique(), emails: [{ value: known.email }] },
    ])
      expect(await scim('POST', '/Users', body)).toMatchObject({
        status: 409,
        body: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
          status: '409',
          scimType: 'uniqueness',
        },
      });
    const displayName = `g-${unique()}`;
    await group([], { displayName });
    expect(await scim('POST', '/Groups', { displayName })).toMatchObject({
      status: 409,
      body: { scimType: 'uniqueness' },
    });
  });

  it('may PUT everything, or patch active without a path', async () => {
    const { id, userName, emails } = await person({ title: 'Engineer', externalId: `o-${unique()}` });
    const whole = {
      schemas: [USER],
      id,
      userName,
      emails,
      name: { givenName: 'New', familyName: 'Name' },
      active: false,
    };
    const put = await scim('PUT', `/Users/${id}`, whole);
    expect(put).toMatchObject({ status: 200, body: { id, active: false, displayName: 'New Name' } });
    expect(put.body['title']).toBeUndefined();
    expect(put.body['externalId']).toBeUndefined();
    expect(await patch(id, { op: 'replace', value: { active: true } })).toMatchObject({
      status: 200,
      body: { active: true },
    });
    expect(await patch(id, { op: 'replace', value: { id, active: false } })).toMatchObject({
      status: 200,
      body: { active: false },
    });
  });

  it('may change members without a type, or all at once', async () => {
    const [a, b] = [await person(), await person()];
    const id = await group();
    await patchGroup(id, { op: 'add', path: 'members', value: [{ value: a.id, display: 'A' }] });
    expect(await membersOf(id)).toEqual([a.id]);
    await patchGroup(id, { op: 'replace', path: 'members', value: [{ value: b.id }] });
    expect(await membersOf(id)).toEqual([b.id]);
    await patchGroup(id, { op: 'replace', value: { id, members: [{ value: a.id }, { value: b.id }] } });
    expect(await membersOf(id)).toEqual([a.id, b.id].sort());
    expect((await user(a.id))['groups']).toMatchObject([{ value: id, type: 'direct' }]);
  });

  it('may rename a group without a path, which keeps its members', async () => {
    const { id: member } = await person();
    const id = await group([member]);
    const displayName = `renamed-${unique()}`;
    const renamed = await patchGroup(id, { op: 'replace', value: { id, displayName } });
    expect([200, 204]).toContain(renamed.status);
    expect(await scim('GET', `/Groups/${id}`)).toMatchObject({ body: { displayName } });
    expect(await membersOf(id)).toEqual([member]);
  });

  it('may remove a member by a filter in the path, and all by an empty list', async () => {
    const [a, b] = [await person(), await person()];
    const id = await group([a.id, b.id]);
    await patchGroup(id, { op: 'remove', path: `members[value eq "${a.id}"]` });
    expect(await membersOf(id)).toEqual([b.id]);
    await patchGroup(id, { op: 'replace', path: 'members', value: [] });
    expect(await membersOf(id)).toEqual([]);
    await patchGroup(id, { op: 'add', path: 'members', value: [{ value: a.id }] });
    await patchGroup(id, { op: 'remove', path: 'members' });
    expect(await membersOf(id)).toEqual([]);
  });

  it('may patch one group many times in parallel', async () => {
    const people = await Promise.all(Array.from({ length: 8 }, () => person()));
    const id = await group();
    const replies = await Promise.all(
      people.map((one) => patchGroup(id, { op: 'add', path: 'members', value: [{ value: one.id }] })),
    );
    expect(replies.map(({ status }) => status)).toEqual(people.map(() => 204));
    expect(await membersOf(id)).toEqual(people.map((one) => one.id).sort());
    const { headers } = await scim('GET', `/Groups/${id}`);
    const etag = headers.get('etag') ?? '';
    const races = await Promise.all(
      people.map((one) =>
        scim(
          'PATCH',
          `/Groups/${id}`,
          patchOf({ op: 'remove', path: 'members', value: [{ value: one.id }] }),
          { 'if-match': etag },
        ),
      ),
    );
    expect(races.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      204,
      ...people.slice(1).map(() => 412),
    ]);
  });
});
