/** Input: filters, sorting and pages, and what is refused. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startProvider } from '../oidc/support/provider.ts';
import { directory, ENTERPRISE, idOf, listed, patchOf, type Scim } from './client.ts';

let scim: Scim;
beforeAll(async () => {
  const provider = await startProvider({ stores: 'PostgreSQL' });
  ({ scim } = await directory(provider));
});

const unique = () => randomUUID().slice(0, 8);
const address = () => `p-${unique()}@corp.example`;
const create = async (more: Record<string, unknown> = {}) => {
  const made = await scim('POST', '/Users', { userName: address(), ...more });
  expect(made).toMatchObject({ status: 201 });
  return made;
};

describe('a SCIM filter', () => {
  const tag = unique();
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    const people = {
      ann: { title: `${tag}-Lead`, name: { familyName: 'Àbel' }, [ENTERPRISE]: { department: 'Sales' } },
      bob: {
        title: `${tag}-dev`,
        active: false,
        phoneNumbers: [{ value: '5', type: 'work', primary: true }],
      },
      cy: {
        title: `${tag}-%_dev`,
        nickName: 'Cy "the" O\\K',
        emails: [{ value: `cy-${tag}@a.example` }, { value: `cy2-${tag}@b.example`, type: 'home' }],
      },
    };
    for (const [name, more] of Object.entries(people))
      ids[name] = idOf(await create({ userName: `${name}-${tag}@corp.example`, ...more }));
  });

  it.each([
    ['title sw "TAG"', 'ann bob cy'],
    ['title eq "TAG-LEAD"', 'ann'],
    ['title ne "TAG-lead" and title sw "TAG"', 'bob cy'],
    ['title co "%_"', 'cy'],
    ['title ew "DEV" and userName co "-TAG@"', 'bob cy'],
    ['title gt "TAG-e" and title sw "TAG-" ', 'ann'],
    ['title le "TAG-dev" and title sw "TAG-d"', 'bob'],
    ['title sw "TAG" and active eq true', 'ann cy'],
    ['title sw "TAG" and not (active eq "True")', 'bob'],
    ['title sw "TAG" and (active eq false or name.familyName eq "àbel")', 'ann bob'],
    ['userName sw "ann-TAG" or userName sw "bob-TAG" and active eq true', 'ann'],
    ['title sw "TAG" and nickName pr', 'cy'],
    ['nickName eq "cy \\"the\\" o\\\\k" and title sw "TAG"', 'cy'],
    ['URN:enterprise:department eq "sales" and title sw "TAG"', 'ann'],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName EQ "ANN-TAG@corp.example"', 'ann'],
    ['emails[type eq "home" and value co "@b.example"] and title sw "TAG"', 'cy'],
    ['emails.value eq "cy2-TAG@B.example"', 'cy'],
    ['emails eq "cy-TAG@a.example"', 'cy'],
    ['emails[not (type pr)] and title sw "TAG"', 'cy'],
    ['phoneNumbers[primary eq "True"] and title sw "TAG"', 'bob'],
    ['title sw "TAG" and phoneNumbers pr', 'bob'],
    ['title sw "TAG" and name pr', 'ann'],
    ['title sw "TAG" and name.familyName eq null', 'bob cy'],
    ['title sw "TAG" and meta.created gt "2020-01-01T00:00:00Z"', 'ann bob cy'],
    ['title sw "TAG" and meta.lastModified lt "2020-02-30T00:00:00Z"', ''],
    ['title sw "TAG" and schemas eq "URN:enterprise"', 'ann'],
    ['id eq "x"', ''],
    ['groups.value eq "7c3c6d5c-0000-4000-8000-000000000000"', ''],
    ['roles.value eq "none-TAG" or groups[display eq "none"]', ''],
  ])('finds users: %s', async (filter, names) => {
    const written = filter.replaceAll('TAG', tag).replaceAll('URN:enterprise', ENTERPRISE);
    const reply = await scim('GET', `/Users?filter=${encodeURIComponent(written)}`);
    expect(reply).toMatchObject({ status: 200 });
    const found = listed(reply).map(({ id }) => Object.entries(ids).find(([, one]) => one === id)?.[0]);
    expect(found.join(' ')).toBe(names);
    expect(reply.body['totalResults']).toBe(found.length);
    const posted = await scim('POST', '/.search', { filter: written, attributes: ['userName'], count: 10 });
    if (posted.status === 200) expect(posted.body['totalResults']).toBe(found.length);
  });

  it.each([
    'userName',
    'userName eq',
    'userName eq x',
    'userName eq "x',
    'userName eq "x" and',
    'userName is "x"',
    '(userName eq "x"',
    'userName eq "x")',
    'not userName eq "x"',
    'noSuch eq "x"',
    'password eq "x"',
    'emails[type eq "work"',
    'emails[noSuch eq "x"]',
    'userName[value eq "x"]',
    'active gt true',
    'active eq "maybe"',
    'meta.created gt "yesterday"',
    'name eq "x"',
    'userName eq "\\u0000"',
    '"userName" eq "x"',
    `${'('.repeat(40)}userName pr${')'.repeat(40)}`,
    Array.from({ length: 200 }, () => 'title pr').join(' or '),
    `userName eq "${'x'.repeat(5_000)}"`,
  ])('is refused if invalid: %.40s', async (filter) => {
    const refusal = { status: 400, body: { status: '400', scimType: 'invalidFilter' } };
    expect(await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`)).toMatchObject(refusal);
    expect(await scim('POST', '/Users/.search', { filter })).toMatchObject(refusal);
  });

  it('of 20 kB is refused', async () => {
    const filter = `userName eq "${'x'.repeat(20_000)}"`;
    expect(await scim('POST', '/Users/.search', { filter })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidFilter' },
    });
    const { status } = await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`);
    expect([400, 414, 431]).toContain(status);
  });

  it('can be combined with sorting, pages and a choice of attributes', async () => {
    const filter = encodeURIComponent(`title sw "${tag}"`);
    const order = async (more: string) =>
      listed(await scim('GET', `/Users?filter=${filter}&${more}`)).map(
        ({ userName }) => String(userName).split('-')[0],
      );
    expect(await order('sortBy=userName')).toEqual(['ann', 'bob', 'cy']);
    expect(await order('sortBy=userName&sortOrder=descending&startIndex=2&count=1')).toEqual(['bob']);
    expect(await order('sortBy=emails.value&sortOrder=DESCENDING')).toEqual(['cy', 'bob', 'ann']);
    expect(await order('sortBy=phoneNumbers')).toEqual([
      'bob',
      ...(await order('sortBy=id')).filter((name) => name !== 'bob'),
    ]);
    const [one] = listed(
      await scim(
        'GET',
        `/Users?filter=${filter}&attributes=${ENTERPRISE}:department,name.familyName&count=1`,
      ),
    );
    expect(one).toEqual({
      schemas: expect.any(Array),
      id: ids['ann'],
      name: { familyName: 'Àbel' },
      [ENTERPRISE]: { department: 'Sales' },
    });
    const other = await scim('GET', `/Users/${ids['ann']}?excludedAttributes=name,meta,${ENTERPRISE}`);
    for (const name of ['name', 'meta', ENTERPRISE]) expect(other.body).not.toHaveProperty([name]);
    for (const [more, scimType] of [
      ['sortBy=noSuch', 'invalidPath'],
      ['sortBy=userName&sortOrder=up', 'invalidValue'],
      ['startIndex=one', 'invalidValue'],
      ['count=1.5', 'invalidValue'],
      ['count=1&count=2', 'invalidValue'],
    ])
      expect(await scim('GET', `/Users?${more}`)).toMatchObject({ status: 400, body: { scimType } });
    expect((await scim('GET', '/Users?startIndex=999999999999999&count=9999')).body).toMatchObject({
      Resources: [],
    });
  });
});

describe('bad input at SCIM is refused:', () => {
  it.each<[string, string, unknown, number]>([
    ['POST', '/Users', '{', 400],
    ['POST', '/Users', '[]', 400],
    ['POST', '/Users', 'null', 400],
    ['POST', '/Users', '', 400],
    ['POST', '/Users', `{"userName":${'['.repeat(50_000)}`, 400],
    ['POST', '/Users', `{"userName":${'['.repeat(400)}${']'.repeat(400)}}`, 400],
    ['POST', '/Users', {}, 400],
    ['POST', '/Users', { userName: 7 }, 400],
    ['POST', '/Users', { userName: {} }, 400],
    ['POST', '/Users', { userName: 'nobody' }, 400],
    ['POST', '/Users', { userName: 'a\0b@corp.example' }, 400],
    ['POST', '/Users', { userName: '\ud800@corp.example' }, 400],
    ['POST', '/Users', { userName: `${'x'.repeat(300)}@corp.example` }, 400],
    ['POST', '/Users', { userName: 'x@corp.example', name: 'x' }, 400],
    ['POST', '/Users', { userName: 'x@corp.example', active: 'x' }, 400],
    ['POST', '/Users', { userName: 'x@corp.example', emails: [{ value: 'x' }] }, 400],
    [
      'POST',
      '/Users',
      {
        userName: 'x@corp.example',
        emails: [
          { value: 'a@b.example', primary: true },
          { value: 'c@b.example', primary: true },
        ],
      },
      400,
    ],
    ['POST', '/Users', { userName: 'x@corp.example', displayName: 'x'.repeat(300) }, 400],
    ['POST', '/Users', { userName: 'x@corp.example', title: 'x'.repeat(9_000) }, 400],
    [
      'POST',
      '/Users',
      {
        userName: 'x@corp.example',
        entitlements: Array.from({ length: 20 }, () => ({ value: 'x'.repeat(8_000) })),
      },
      400,
    ],
    ['POST', '/Users', `{"userName":"${'x'.repeat(1_100_000)}"}`, 413],
    ['POST', '/Groups', { displayName: '' }, 400],
    ['POST', '/Groups', { displayName: 'a\nb' }, 400],
    ['POST', '/Groups', { displayName: 'g', members: [{ value: 'x' }] }, 400],
    [
      'POST',
      '/Groups',
      { displayName: 'g', members: [{ value: '7c3c6d5c-0000-4000-8000-000000000000' }] },
      400,
    ],
    ['POST', '/Groups', { displayName: 'g', members: [{ value: 'GROUP' }] }, 400],
    ['PATCH', '/Groups/GROUP', patchOf({ op: 'add', path: 'members', value: [{ value: 'GROUP' }] }), 400],
    [
      'PATCH',
      '/Groups/GROUP',
      patchOf({ op: 'add', path: 'members', value: [{ value: 'USER', type: 'Group' }] }),
      400,
    ],
    ['PATCH', '/Groups/GROUP', patchOf({ op: 'remove', path: 'displayName' }), 400],
    ['PATCH', '/Groups/GROUP', patchOf({ op: 'remove', path: 'members[display co "x"]' }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'remove' }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'replace', path: 'noSuch', value: 1 }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'replace', path: 'name.noSuch', value: 1 }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'replace', path: 'emails[', value: 1 }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'replace', path: 7, value: 1 }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'replace', path: 'id', value: 'x' }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'remove', path: 'userName' }), 400],
    ['PATCH', '/Users/USER', patchOf({ op: 'replace', value: 'x' }), 400],
    [
      'PATCH',
      '/Users/USER',
      patchOf(...Array.from({ length: 1_001 }, () => ({ op: 'remove', path: 'title' }))),
      400,
    ],
    ['PATCH', '/Users/USER', { Operations: 'x' }, 400],
    ['PATCH', '/Users/USER', {}, 400],
    ['PUT', '/Users/USER', { displayName: 'x' }, 400],
    ['GET', '/Users/GROUP', undefined, 404],
    ['GET', '/Groups/USER', undefined, 404],
    ['PATCH', '/Groups/USER', patchOf(), 404],
    ['DELETE', '/Users/GROUP', undefined, 404],
    ['GET', '/Users/x', undefined, 404],
    ['GET', '/Users/%00', undefined, 404],
    ['GET', '/Users/%', undefined, 404],
    ['GET', '/Users/a/b', undefined, 404],
    ['GET', '/Nothing', undefined, 404],
    ['GET', '/', undefined, 404],
    ['GET', '/Schemas/x', undefined, 404],
    ['POST', '/Schemas', {}, 405],
    ['DELETE', '/Users', undefined, 405],
    ['POST', '/Users/USER', {}, 405],
    ['GET', '/Bulk', undefined, 404],
    ['GET', '/Users/.search', undefined, 405],
    ['GET', '/Me', undefined, 501],
  ])('%s %s %.60j', async (method, path, body, status) => {
    const [user, group] = await fixtures();
    const fill = (text: string) => text.replaceAll('GROUP', group).replaceAll('USER', user);
    const sent =
      body === undefined ? undefined : fill(typeof body === 'string' ? body : JSON.stringify(body));
    const reply = await scim(method, fill(path), sent);
    expect(reply).toMatchObject({
      status,
      body: {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
        status: String(status),
        detail: expect.any(String),
      },
    });
    expect(reply.headers.get('content-type')).toMatch(/^application\/scim\+json/);
    expect((reply.body['scimType'] === undefined) !== (status === 400)).toBe(true);
  });

  it('a body of another media type', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded'])
      expect(
        await scim('POST', '/Users', '{"userName":"x@corp.example"}', { 'content-type': type }),
      ).toMatchObject({ status: 415 });
    const reply = await scim(
      'POST',
      '/Users',
      { userName: address() },
      { 'content-type': 'application/json; charset=utf-8' },
    );
    expect(reply.status).toBe(201);
  });
});

let made: Promise<[string, string]> | undefined;
/** A user and a group for bad input. */
const fixtures = () =>
  (made ??= Promise.all([create(), scim('POST', '/Groups', { displayName: `g-${unique()}` })]).then(
    ([user, group]) => [idOf(user), idOf(group)],
  ));
