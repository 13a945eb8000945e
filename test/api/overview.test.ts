import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import type { ExplainedRefusal } from '../../src/domain/refusals.ts';
import type { Tx } from '../../src/storage/postgres/transaction.ts';
import { type Client, type Provider, startProvider } from '../oidc/support/provider.ts';
import { authorizationUrl, authorize, form, post, signIn } from '../oidc/support/flow.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

const shell = shellOperator(systemActor);

let provider: Provider;
let owner: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await callAs(provider, 'owner');
});

describe('the first steps on the overview', () => {
  const stepsOf = (reply: { body: Record<string, unknown> }) =>
    (reply.body['steps'] as { step: string; done: boolean }[])
      .filter(({ done }) => done)
      .map(({ step }) => step);

  it('are confirmed one by one, once, and audited', async () => {
    const auditor = await callAs(provider, 'auditor');
    expect(await auditor('GET', '/setup')).toMatchObject({ status: 200, body: { hidden: false } });
    expect((await auditor('PUT', '/setup', { hidden: true })).status).toBe(403);
    const set = (body: object) => owner('PUT', '/setup', body);
    const all = await Promise.all(Array.from({ length: 5 }, () => set({ confirmed: ['doors'] })));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    const cli = async (...args: string[]) => {
      const { stdout } = await runCli(['setup', ...args, '--json'], { env: provider.postern.env });
      return { body: JSON.parse(stdout) as Record<string, unknown> };
    };
    expect(stepsOf(await cli('confirm', 'key_backup'))).toEqual(
      expect.arrayContaining(['key_backup', 'doors']),
    );
    expect(await set({ hidden: true })).toMatchObject({ status: 200, body: { hidden: true } });
    expect(stepsOf(await set({ confirmed: [] }))).not.toContain('doors');
    for (const body of [{ confirmed: ['factor'] }, { confirmed: 'doors' }, { hidden: 'yes' }, { other: 1 }])
      expect((await set(body)).status).toBe(400);
    expect(await cli('unhide')).toMatchObject({ body: { hidden: false } });
    const events = itemsOf(await owner('GET', '/audit?type=setup.updated'));
    expect(events.map(({ after }) => after)).toEqual([
      { hidden: false },
      { confirmed: [] },
      { hidden: true },
      { confirmed: ['key_backup', 'doors'] },
      { confirmed: ['doors'] },
    ]);
  });
});

describe('search', () => {
  const find = (call: Call, q: string) => call('GET', `/search?q=${encodeURIComponent(q)}`);

  it('finds what a text names: an id, a number, an address, a client or a request', async () => {
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

  it('shows five results of each kind that the caller may see', async () => {
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

  it('finds nothing for callers without permission', async () => {
    const person = await provider.createPerson();
    const name = `role-${randomUUID().slice(0, 8)}`;
    await owner('POST', '/roles', { name, permissions: ['keys:read'] });
    const call = await callAs(provider, name);
    for (const q of [person.id, person.email, 'example', 'support'])
      expect(await find(call, q)).toMatchObject({ status: 200, body: { exact: null, items: [] } });
  });
});

describe('statistics', () => {
  it('count what was committed, not what was rolled back', async () => {
    const { stores, stats } = provider.operator;
    const { id } = await provider.createPerson();
    const record = (tx?: Tx) => stores.audit.record({ type: 'login', subject: id }, systemActor, tx);
    const failing = async (tx?: Tx) => {
      await record(tx);
      throw new Error('no');
    };
    const counted = async () => {
      await stats.stop();
      const [{ count } = {}] = await provider.sql(
        "select sum(count)::int as count from daily_stats where metric = 'sign_ins'",
      );
      return Number(count);
    };
    const before = await counted();
    await expect(stores.inTransaction(failing)).rejects.toThrow('no');
    await expect(stores.asOne(() => failing())).rejects.toThrow('no');
    await stores.asOne(async () => {
      await expect(stores.inTransaction(failing)).rejects.toThrow('no');
      await stores.inTransaction(record);
    });
    await record();
    expect((await counted()) - before).toBe(2);
    await provider.sql('delete from daily_stats; delete from daily_active');
  });

  it('count by day and each person once, and show callers only what they may see', async () => {
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
      lockouts: 0,
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
  });
});

const get = (parameters: Record<string, string>, of: Client) =>
  fetch(authorizationUrl(provider, of, parameters), { redirect: 'manual', headers: { accept: 'text/html' } });

/** The stored refusals of a client, once there are enough. */
async function storedRefusals(
  id: string,
  isAll: (rows: ExplainedRefusal[]) => boolean,
): Promise<ExplainedRefusal[]> {
  let rows: ExplainedRefusal[] = [];
  await until(async () => isAll((rows = await provider.operator.refusals.ofClient(shell, id))));
  return rows;
}

describe('refused requests', () => {
  it('are listed by client, with a fix only for what is safe to add', async () => {
    const callback = 'https://own.example.test/callback';
    const app = await provider.createClient({
      redirect_uris: [callback],
      post_logout_redirect_uris: ['https://own.example.test/'],
    });
    const cases: [string, boolean][] = [
      ['http://localhost:3000/cb', true],
      ['https://own.example.test/other', true],
      // Another site's URI, and one without TLS.
      ['https://else.example.test/cb', false],
      ['http://own.example.test/cb', false],
    ];
    for (const [uri] of cases) await get({ redirect_uri: uri }, app);
    // It only looks like the app's own URI, but the host is another site's.
    await get({ redirect_uri: 'https://own.example.test@else.example.test/cb' }, app);
    await fetch(
      `${provider.url}/oauth2/logout?${form({ client_id: app.id, post_logout_redirect_uri: 'https://own.example.test/bye' }).toString()}`,
    );
    await storedRefusals(
      app.id,
      (rows) => rows.length === 5 && rows.some(({ endpoint }) => endpoint === 'end_session'),
    );
    const developer = await callAs(provider, 'developer');
    const reply = await developer('GET', `/clients/${app.id}/refusals`);
    expect(reply).toMatchObject({ status: 200, body: { next_cursor: null } });
    const [logout, ...asked] = itemsOf(reply);
    expect(logout).toMatchObject({
      endpoint: 'end_session',
      fix: {
        body: { post_logout_redirect_uris: ['https://own.example.test/', 'https://own.example.test/bye'] },
      },
    });
    expect(asked.reverse()).toMatchObject(
      [cases[0]!, cases[1]!, cases[3]!, cases[2]!].map(([uri, isSafe]) => ({
        client_id: app.id,
        error: 'invalid_redirect_uri',
        advice: expect.stringContaining(callback),
        fix: isSafe
          ? { method: 'PATCH', path: `/clients/${app.id}`, body: { redirect_uris: [callback, uri] } }
          : null,
      })),
    );
    expect((await developer('GET', '/clients/nobody/refusals')).status).toBe(404);
    const [fix] = asked.map((one) => one['fix'] as { path: string; body: object });
    expect((await owner('PATCH', fix!.path, fix!.body)).status).toBe(200);
    await until(async () => (await get({ redirect_uri: 'http://localhost:3000/cb' }, app)).status === 303);
  });

  it('name a disabled client as the reason', async () => {
    const app = await provider.createClient();
    await provider.operator.clients.setEnabled(shell, app.id, false);
    await until(async () => (await get({}, app)).status === 400);
    expect((await post(provider, 'token', app, { grant_type: 'client_credentials' })).status).toBe(401);
    const rows = await storedRefusals(app.id, (all) => all.length >= 2);
    for (const row of rows)
      expect(row).toMatchObject({ parameter: 'enabled', advice: expect.stringContaining('client enable') });
  });

  it('are listed by person, until the person is deleted', async () => {
    const client = await provider.createClient();
    const ann = await provider.createPerson();
    const agent = new UserAgent(provider.url);
    await authorize(provider, agent, client, ann);
    await agent.open(authorizationUrl(provider, client, { redirect_uri: 'http://localhost:9/a' }));
    await agent.open(authorizationUrl(provider, client, { prompt: 'none', max_age: '0' }));
    let items: Record<string, unknown>[] = [];
    const support = await callAs(provider, 'support');
    await until(async () => {
      items = itemsOf(await support('GET', `/users/${ann.id}/refusals`));
      return items.length === 2;
    });
    expect(items).toMatchObject([
      { error: 'login_required', client_id: client.id, count: 1 },
      { error: 'invalid_redirect_uri', value: 'http://localhost:9/a', fix: { method: 'PATCH' } },
    ]);
    expect((await support('GET', '/users/7c3c6d5c-0000-4000-8000-000000000000/refusals')).status).toBe(404);
    const developer = await callAs(provider, 'developer');
    expect((await developer('GET', `/users/${ann.id}/refusals`)).status).toBe(403);
    await provider.sql('delete from users where id = $1', [ann.id]);
    await expect(
      provider.sql('select from account_refusals where account_id = $1', [ann.id]),
    ).resolves.toEqual([]);
  });
});
