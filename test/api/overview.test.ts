import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { signIn } from '../oidc/support/flow.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

let provider: Provider;
let owner: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await callAs(provider, 'owner');
});

describe('search', () => {
  const find = (call: Call, q: string) => call('GET', `/search?q=${encodeURIComponent(q)}`);

  it('opens what a text names: an id, a number, an address, a client, a request', async () => {
    const person = await provider.createPerson();
    const { id: client } = await provider.createClient();
    const made = await owner('POST', '/groups', { name: `Team ${randomUUID()}` });
    const number = Number((await owner('GET', `/users/${person.id}`)).body['number']);
    const [event] = await provider.sql(
      "select request_id from audit_events where type = 'group.created' and request_id is not null limit 1",
    );
    const user = { kind: 'user', id: person.id };
    for (const [q, exact] of [
      [person.id, user],
      [person.email, user],
      [person.username, user],
      [String(number), user],
      [client, { kind: 'client', id: client }],
      [String(made.body['id']), { kind: 'group' }],
      ['support', { kind: 'role', id: 'support' }],
      [String(event?.['request_id']), { kind: 'audit_event', name: 'group.created' }],
    ] as const)
      expect(await find(owner, q)).toMatchObject({ status: 200, body: { exact } });
  });

  it('shows five of each kind, of those that the caller may see', async () => {
    const mark = `m${randomUUID().slice(0, 8)}`;
    for (let nth = 0; nth < 6; nth += 1) await owner('POST', '/groups', { name: `${mark} ${nth}` });
    await provider.createApi({ identifier: `https://${mark}.example` });
    const found = await find(owner, mark);
    expect(found.body['exact']).toBeNull();
    const kinds = Map.groupBy(itemsOf(found), ({ kind }) => kind);
    expect([kinds.get('group')?.length, kinds.get('api')?.length]).toEqual([5, 1]);
    const support = await callAs(provider, 'support');
    expect(new Set(itemsOf(await find(support, mark)).map(({ kind }) => kind))).toEqual(new Set(['group']));
    const odd = await find(owner, '%_\\');
    expect(odd).toMatchObject({ status: 200, body: { items: [] } });
    expect(await find(owner, '')).toMatchObject({ status: 200, body: { exact: null, items: [] } });
    expect((await find(owner, 'x'.repeat(201))).status).toBe(400);
  });

  it('finds nothing for who may see nothing of it', async () => {
    const person = await provider.createPerson();
    const name = `role-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name, permissions: ['keys:read'] });
    const call = await callAs(provider, name);
    for (const q of [person.id, person.email, 'example', 'support'])
      expect(await find(call, q)).toMatchObject({ status: 200, body: { exact: null, items: [] } });
  });
});

describe('stats', () => {
  it('count each day, a person once, and show each caller what they may see', async () => {
    const client = await provider.createClient();
    const person = await provider.createPerson();
    await signIn(provider, client, person);
    await signIn(provider, client, person);
    await signIn(provider, client, { ...person, password: 'wrong' }).catch(() => undefined);
    await signIn(provider, client, await provider.createPerson());
    const today = async (call: Call) => itemsOf(await call('GET', '/stats?days=2'))[0]!;
    await until(async () => Number((await today(owner))['sign_ins']) >= 3);
    const [{ failures } = {}] = await provider.sql(
      "select count(*)::int as failures from audit_events where type = 'login' and outcome = 'failure'",
    );
    expect(failures).toBeGreaterThan(0);
    expect(await today(owner)).toEqual({
      day: new Date().toISOString().slice(0, 10),
      sign_ins: 3,
      failures,
      sign_ups: 0,
      active: 2,
      tokens: expect.any(Number),
      attacks: 0,
    });
    const developer = await callAs(provider, 'developer');
    expect(await today(developer)).toMatchObject({
      sign_ins: null,
      active: null,
      attacks: null,
      tokens: expect.any(Number),
    });
    expect(itemsOf(await owner('GET', '/stats'))).toHaveLength(30);
    expect((await owner('GET', '/stats?days=1000')).status).toBe(400);
    const { stdout } = await runCli(['stats', '--days', '1', '--json'], { env: provider.postern.env });
    expect(JSON.parse(stdout)).toMatchObject({ days: [{ sign_ins: 3, active: 2 }] });
  }, 60_000);
});
