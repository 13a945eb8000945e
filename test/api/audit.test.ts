import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { apiOf } from './support/client.ts';
import { type Call, callAs, itemsOf, ownToken, serviceAccount } from './support/operators.ts';

let provider: Provider;
let auditor: Call;
let person: Person;
let other: Person;
let appId: string;
let bearer: string;

/** The type of this file's events: nothing else writes it. */
const TYPE = 'consent.granted';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

interface Seed {
  type?: string;
  outcome?: string;
  subject?: string | null;
  actor?: [kind: string, id: string | null];
  client?: string | null;
  door?: string;
  ip?: string | null;
  agent?: string | null;
  request?: string | null;
  details?: object;
  at?: string;
}

async function seed({ actor = ['user', person.id], at = '2026-01-01T00:00:00Z', ...event }: Seed) {
  const id = randomUUID();
  const values = { type: TYPE, outcome: 'success', door: 'pages', details: {}, ...event };
  await provider.sql(
    `insert into audit_events (id, at, type, outcome, subject, actor_kind, actor_id, client_id, door, ip, user_agent, request_id, details)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      id,
      at,
      values.type,
      values.outcome,
      values.subject ?? null,
      ...actor,
      values.client ?? null,
      values.door,
      values.ip ?? null,
      values.agent ?? null,
      values.request ?? null,
      values.details,
    ],
  );
  return id;
}

const idsOf = async (query: string, call = auditor): Promise<unknown[]> => {
  const reply = await call('GET', `/audit?${query}`);
  expect(reply).toMatchObject({ status: 200 });
  return itemsOf(reply).map(({ id }) => id);
};

const exported = (query: string) =>
  fetch(`${apiOf(provider)}/audit/export?${query}`, { headers: { authorization: `Bearer ${bearer}` } });

beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  [person, other] = [await provider.createPerson(), await provider.createPerson()];
  appId = (await provider.createClient()).id;
  auditor = await callAs(provider, 'auditor');
  bearer = (await ownToken(provider, await serviceAccount(provider, 'auditor'))).body['access_token'] ?? '';
});

describe('an audit event', () => {
  it('is shown with names, device and changes', async () => {
    const id = await seed({
      subject: other.id,
      client: appId,
      ip: '203.0.113.9',
      agent: FIREFOX,
      request: 'r-shown',
      details: { before: { name: 'A' }, after: { name: 'B' }, reason: 'asked by phone' },
    });
    const shown = {
      id,
      type: TYPE,
      outcome: 'success',
      at: '2026-01-01T00:00:00.000Z',
      actor: { kind: 'user', id: person.id, name: 'Ada Lovelace' },
      subject: { id: other.id, name: 'Ada Lovelace' },
      client_id: appId,
      door: 'pages',
      ip: '203.0.113.9',
      browser: 'Firefox',
      system: 'Linux',
      request_id: 'r-shown',
      before: { name: 'A' },
      after: { name: 'B' },
      reason: 'asked by phone',
    };
    expect((await auditor('GET', `/audit/${id}`)).body).toEqual(shown);
    expect(itemsOf(await auditor('GET', '/audit?request_id=r-shown'))).toEqual([shown]);
  });

  it('names clients, shell users, groups and roles, and has details even if no field changed', async () => {
    const group = randomUUID();
    await provider.sql(
      "insert into groups (id, name, name_key, created_at, updated_at) values ($1, 'Crew', 'crew', now(), now())",
      [group],
    );
    const role = await seed({
      type: 'role.updated',
      actor: ['client', appId],
      details: { role: 'helper', before: {}, after: { description: 'x' } },
    });
    const about = await seed({
      type: 'group.created',
      actor: ['operator', 'root'],
      details: { group, after: {} },
    });
    const login = await seed({ type: 'login', subject: person.id, details: { amr: ['pwd'] } });
    expect((await auditor('GET', `/audit/${role}`)).body).toMatchObject({
      actor: { kind: 'client', id: appId, name: 'Test client' },
      subject: { id: 'helper', name: 'helper' },
      after: { description: 'x' },
    });
    expect((await auditor('GET', `/audit/${about}`)).body).toMatchObject({
      actor: { kind: 'operator', id: 'root', name: 'root' },
      subject: { id: group, name: 'Crew' },
    });
    expect((await auditor('GET', `/audit/${login}`)).body).toMatchObject({
      before: null,
      after: { amr: ['pwd'] },
      reason: null,
    });
  });

  it('that does not exist is answered by 404', async () => {
    for (const id of [randomUUID(), 'nonsense', '%00'])
      expect(await auditor('GET', `/audit/${id}`)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
  });
});

describe('audit filters', () => {
  it('find events by each filter, by several values, and by all filters together', async () => {
    const at = '2026-02-02T00:00:00Z';
    const only = `type=${TYPE}&after=2026-02-01T00:00:00Z&before=2026-03-01T00:00:00Z`;
    const a = await seed({ at, actor: ['user', other.id], ip: '10.1.2.3', door: 'api', request: 'r-a' });
    const b = await seed({ at, subject: other.id, client: appId, ip: '2001:db8::7', outcome: 'failure' });
    const c = await seed({
      at: '2026-02-03T00:00:00Z',
      ip: '192.0.2.1',
      door: 'cli',
      actor: ['operator', 'bo'],
    });
    const expected: [string, string[]][] = [
      ['', [c, a, b]],
      ['type=consent.*', [c, a, b]],
      ['type=login', []],
      ['outcome=failure', [b]],
      ['outcome=success&outcome=failure', [c, a, b]],
      [`actor=${other.id}`, [a]],
      [`actor=${other.id.toUpperCase()}`, [a]],
      [`actor=${other.email}`, [a]],
      [`actor=${other.username}&actor=bo`, [c, a]],
      ['actor=bo', [c]],
      ['actor=nobody@example.test', []],
      [`subject=${other.email}`, [b]],
      ['subject=nobody', []],
      [`client_id=${appId}`, [b]],
      ['door=cli&door=api', [c, a]],
      ['ip=10.0.0.0/8', [a]],
      ['ip=10.1.2.3', [a]],
      ['ip=2001:db8::/32', [b]],
      ['ip=0.0.0.0/0', [c, a]],
      ['ip=10.0.0.0/8&ip=192.0.2.1', [c, a]],
      ['request_id=r-a', [a]],
      ['door=api&outcome=failure', []],
      ['sort=at', [a, b, c]],
    ];
    // Repeating `type` in the query adds a value.
    for (const [query, ids] of expected) {
      const base = query.startsWith('type=') ? only.replace(/^type=[^&]+&/, '') : only;
      const found = await idsOf(`${base}&${query}`);
      expect({ query, found: new Set(found) }).toEqual({ query, found: new Set(ids) });
    }
    expect((await idsOf(`${only}&sort=at`)).at(-1)).toBe(c);
    expect((await idsOf(only))[0]).toBe(c);
  });

  it('include the start of the range and exclude its end', async () => {
    const at = '2026-04-01T12:00:00Z';
    const id = await seed({ at });
    expect(await idsOf(`type=${TYPE}&after=${at}&before=2026-04-02T00:00:00Z`)).toEqual([id]);
    expect(await idsOf(`type=${TYPE}&after=2026-03-31T00:00:00Z&before=${at}`)).toEqual([]);
  });

  it.each([
    ['type=logn', 'type', 'did you mean login?'],
    ['type=user.create', 'type', 'did you mean user.created?'],
    ['type=usr.*', 'type', 'did you mean user.*?'],
    ['door=page', 'door', 'did you mean pages?'],
    ['door=web', 'door', 'does not exist: web'],
  ])('refuse %s and say what may be meant', async (query, field, detail) => {
    for (const path of ['/audit', '/audit/export'])
      expect(await auditor('GET', `${path}?${query}`)).toMatchObject({
        status: 400,
        body: { errors: [{ field, detail: expect.stringContaining(detail) }] },
      });
  });

  it.each([
    'type=user.',
    'type=*.created',
    'outcome=maybe',
    'ip=10.0.0.0/33',
    'ip=fe80::1%25lo',
    'ip=example.org',
    'after=yesterday',
    'sort=type',
    'limit=101',
    'colour=red',
    'cursor=abc',
  ])('refuse %s', async (query) => {
    expect(await auditor('GET', `/audit?${query}`)).toMatchObject({ status: 400 });
  });
});

describe('audit pages', () => {
  it('continue within events of the same moment, and stay stable while others are written', async () => {
    const at = '2026-05-05T05:05:05Z';
    const seeded: string[] = [];
    while (seeded.length < 7) seeded.push(await seed({ at }));
    const query = `type=${TYPE}&after=${at}&before=2026-05-06T00:00:00Z&limit=3`;
    const seen: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const more = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = await auditor('GET', `/audit?${query}${more}`);
      seen.push(...itemsOf(page).map(({ id }) => id));
      cursor = page.body['next_cursor'] as string | null;
      await seed({ at: '2026-05-05T06:00:00Z' });
    }
    expect(seen).toHaveLength(seeded.length);
    expect(new Set(seen)).toEqual(new Set(seeded));
    const { body } = await auditor('GET', `/audit?${query}`);
    const elsewhere = await auditor('GET', `/audit?type=login&cursor=${String(body['next_cursor'])}`);
    expect(elsewhere).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } });
  });
});

describe('an audit export', () => {
  it('has every event as a line of JSON, and is audited itself', async () => {
    const at = '2026-06-06T00:00:00Z';
    await provider.sql(
      `insert into audit_events (id, at, type, outcome, actor_kind, door, details)
       select gen_random_uuid(), $1::timestamptz + n * interval '1 second', 'consent.granted', 'success', 'system', 'system', '{}'
       from generate_series(1, 1203) n`,
      [at],
    );
    const reply = await exported(`format=ndjson&type=${TYPE}&after=${at}&before=2026-06-07T00:00:00Z`);
    expect(reply.headers.get('content-type')).toMatch(/^application\/x-ndjson/);
    const lines = (await reply.text()).trimEnd().split('\n');
    const items = lines.map((line) => JSON.parse(line) as { id: string; at: string });
    expect(new Set(items.map(({ id }) => id)).size).toBe(1203);
    expect(items.map((item) => item.at)).toEqual(
      items
        .map((item) => item.at)
        .sort()
        .reverse(),
    );
    expect(itemsOf(await auditor('GET', '/audit?type=audit.exported&limit=1'))[0]).toMatchObject({
      actor: { kind: 'client' },
      after: { format: 'ndjson', filters: { type: [TYPE] } },
    });
  });

  it('has CSV cells that no spreadsheet evaluates', async () => {
    const at = '2026-07-07T00:00:00Z';
    await seed({
      at,
      actor: ['operator', '=cmd|x'],
      request: '+1',
      door: '@sum',
      details: { reason: 'line\nand "quoted", done', before: { a: '=1' } },
    });
    const reply = await exported(`format=csv&after=${at}&before=2026-07-08T00:00:00Z`);
    expect(reply.headers.get('content-type')).toMatch(/^text\/csv/);
    expect(reply.headers.get('content-disposition')).toContain('audit.csv');
    const text = await reply.text();
    const [head, ...rest] = text.split('\r\n');
    expect(head).toBe(
      'id,type,outcome,at,actor_kind,actor_id,actor_name,subject_id,subject_name,client_id,door,ip,browser,system,request_id,before,after,reason',
    );
    expect(rest.join('\r\n')).toContain(
      `operator,'=cmd|x,'=cmd|x,,,,'@sum,,,,'+1,"{""a"":""=1""}",,"line\nand ""quoted"", done"`,
    );
  });

  it('reads no further once its client is gone', async () => {
    const before = (await provider.sql('select count(*)::int as count from audit_events'))[0]?.['count'];
    const gone = new AbortController();
    const reply = await fetch(`${apiOf(provider)}/audit/export`, {
      headers: { authorization: `Bearer ${bearer}` },
      signal: gone.signal,
    });
    await reply.body?.getReader().read();
    gone.abort();
    expect((await auditor('GET', '/audit?limit=1')).status).toBe(200);
    expect((await provider.sql('select count(*)::int as count from audit_events'))[0]?.['count']).toBe(
      Number(before) + 1,
    );
  });
});

it('the audit is refused without the permission to read it', async () => {
  const support = await callAs(provider, 'support');
  for (const path of ['/audit', `/audit/${randomUUID()}`, '/audit/export'])
    expect(await support('GET', path)).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
});
