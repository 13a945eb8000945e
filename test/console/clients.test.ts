import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { authorizationUrl, post } from '../oidc/support/flow.ts';
import { type Client, type Provider, startProvider } from '../oidc/support/provider.ts';
import type { Page } from '../oidc/support/user-agent.ts';
import { until } from '../support/until.ts';
import { enterConsole, type Operator } from './support/operators.ts';

const shell = shellOperator(systemActor);
const WIZARD = '/clients/new?kind=web&framework=authlib';
const HOME = 'https://shop.example.test/callback';

let provider: Provider;
let developer: Operator;
let support: Operator;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL', settings: { outbound: { allow: ['localhost'] } } });
  [developer, support] = await Promise.all([
    enterConsole(provider, 'developer', 'support'),
    enterConsole(provider, 'support'),
  ]);
});

/** The text of a page. */
const words = ({ html }: Page): string => html.replaceAll(/<[^>]*>/g, '').replaceAll('&quot;', '"');
const step3 = (answers: Record<string, string>) =>
  `${WIZARD}&step=3&${new URLSearchParams(answers).toString()}`;
const countOf = async (name: string) =>
  (await provider.sql('select count(*)::int as n from clients where name = $1', [name]))[0]?.['n'];
const metadataOf = async (id: string) => (await provider.operator.clients.find(shell, id)).metadata;
const undo = (page: Page, form: string) => developer.agent.submit(page, {}, form);
const refuse = async (client: Client, redirectUri: string) => {
  await fetch(authorizationUrl(provider, client, { redirect_uri: redirectUri }), { redirect: 'manual' });
  await until(async () =>
    (await provider.operator.refusals.ofClient(shell, client.id)).some(({ value }) => value === redirectUri),
  );
};

describe('the console’s wizard for an app', () => {
  it('creates the app at its end, once, and shows the secret once', async () => {
    const kinds = await developer.open('/clients/new');
    for (const kind of ['web', 'spa', 'native', 'service', 'device', 'gateway', 'mcp'])
      expect(kinds.html).toContain(`?kind=${kind}`);
    const naming = await developer.open(WIZARD);
    expect(naming.html).toContain('http://localhost:5000/callback');
    const missing = await developer.open(step3({ name: '', redirect_uris: 'nowhere' }));
    expect([missing.status, missing.html.includes('Give it a name.')]).toEqual([400, true]);
    const asking = await developer.open(step3({ name: 'Wizard <i>', redirect_uris: HOME }));
    expect(await countOf('Wizard <i>')).toBe(0);
    const made = await developer.agent.submit(asking, { scope: 'openid' }, '/clients/new');
    expect([made.status, await countOf('Wizard <i>')]).toEqual([201, 1]);
    expect(made.html).toContain('client_secret');
    expect(made.html).toContain('server_metadata_url=');
    expect(made.html).toContain('Waiting for the first sign-in');
    expect(made.html).not.toContain('<i>');
    const again = await developer.agent.submit(asking, { scope: 'openid' }, '/clients/new');
    expect(await countOf('Wizard <i>')).toBe(1);
    expect(again.html).toContain('This app has been created already');
  });

  it('asks who may use the app', async () => {
    const asking = await developer.open(step3({ name: 'For some', redirect_uris: HOME }));
    expect(asking.html).toContain('name="allowed_roles"');
    const wrong = { scope: 'openid', allowed_roles: 'support', allowed_groups: 'nobody-knows' };
    const refused = await developer.agent.submit(asking, wrong, '/clients/new');
    expect([refused.status, refused.html.includes('id="allowed_groups-error"')]).toEqual([400, true]);
    expect(await countOf('For some')).toBe(0);
    await provider.operator.groups.create(shell, { name: 'nobody-knows' });
    const made = await developer.agent.submit(refused, wrong, '/clients/new');
    expect(made.status).toBe(201);
    const [app] = await provider.sql("select id from clients where name = 'For some'");
    expect(await metadataOf(String(app?.['id']))).toMatchObject({
      allowed_roles: ['support'],
      allowed_groups: ['nobody-knows'],
    });
  });

  it('returns to the step with the refused answer, and keeps the input', async () => {
    const asking = await developer.open(
      step3({ name: 'Fragment', redirect_uris: 'https://shop.example.test/cb#part' }),
    );
    const refused = await developer.agent.submit(asking, { scope: 'openid' }, '/clients/new');
    expect(refused.status).toBe(400);
    expect(refused.html).toContain('https://shop.example.test/cb#part');
    expect(refused.html).toContain('id="redirect_uris-error"');
    expect(await countOf('Fragment')).toBe(0);
  });
});

describe('the console’s page of an app', () => {
  it('shows refused requests and adds what is safe to add, which can be undone', async () => {
    const app = await provider.createClient({ redirect_uris: [HOME] });
    const markup = 'https://evil.example.test/<script>';
    await refuse(app, 'http://localhost:9/cb');
    await fetch(authorizationUrl(provider, app, { redirect_uri: markup }), { redirect: 'manual' });
    await until(async () => (await provider.operator.refusals.ofClient(shell, app.id)).length === 2);
    const page = await developer.open(`/clients/${app.id}`);
    expect(page.html).toContain('2 different requests were refused lately');
    expect(page.html).toContain('evil.example.test');
    expect(page.html).not.toContain('<script>"');
    expect(page.html.match(/name="adds" value="([^"]*)"/)?.[1]).toBe('http://localhost:9/cb');
    const forged = await developer.agent.submit(page, { adds: 'https://evil.example.test/' }, '/fix');
    expect(forged.html).toContain('This is no longer offered');
    expect(await metadataOf(app.id)).toMatchObject({ redirect_uris: [HOME] });
    const fixed = await developer.agent.submit(page, {}, '/fix');
    expect(words(fixed)).toContain('http://localhost:9/cb has been added');
    expect(await metadataOf(app.id)).toMatchObject({ redirect_uris: [HOME, 'http://localhost:9/cb'] });
    await undo(fixed, '/addresses');
    expect(await metadataOf(app.id)).toMatchObject({ redirect_uris: [HOME] });
  });

  it('is linked from the person whose request was refused', async () => {
    const app = await provider.createClient();
    const { id } = developer.person;
    await developer.agent.open(authorizationUrl(provider, app, { redirect_uri: 'http://localhost:9/cb' }));
    await until(async () => (await provider.operator.refusals.ofAccount(shell, id)).length > 0);
    const page = words(await developer.open(`/users/${id}`));
    expect(page).toContain('Test client: invalid_redirect_uri');
    expect(page).toContain('The address is not one of the app');
    const { refusals } = await provider.operator.access.data(shell, id);
    expect(refusals).toContainEqual(
      expect.objectContaining({ clientId: app.id, value: 'http://localhost:9/cb' }),
    );
  });

  it('saves each card separately and shows changes made by others meanwhile', async () => {
    const app = await provider.createClient({ tos_uri: 'https://a.example/tos', scope: 'openid email' });
    const page = await developer.open(`/clients/${app.id}`);
    const saved = await developer.agent.submit(
      page,
      { name: 'Renamed', tos_uri: 'https://a.example/tos' },
      '/basics',
    );
    expect(words(saved)).toContain('Renamed has been saved');
    expect(await metadataOf(app.id)).toMatchObject({
      tos_uri: 'https://a.example/tos',
      scope: 'openid email',
    });
    const stale = await developer.agent.submit(page, { name: 'Mine' }, '/basics');
    expect(stale.status).toBe(412);
    for (const part of ['Mine', 'Renamed', 'Ada Lovelace']) expect(stale.html).toContain(part);
    await undo(saved, '/basics');
    expect((await provider.operator.clients.find(shell, app.id)).name).toBe('Test client');
    const now = await developer.open(`/clients/${app.id}`);
    const bad = await developer.agent.submit(now, { metadata: '{"redirect_uris": ' }, '/metadata');
    expect([bad.status, bad.html.includes('id="metadata-error"')]).toEqual([400, true]);
  });

  it('adds secrets, shows each once, and retires one of several', async () => {
    const app = await provider.createClient();
    const page = await developer.open(`/clients/${app.id}`);
    const made = await developer.agent.submit(page, { overlap: '86400', lifetime: '' }, '/secrets');
    const secret = /data-copy="([\w-]{30,})" [^>]*client_secret/.exec(made.html)?.[1] ?? '';
    const works = (by: string) => post(provider, 'introspect', { ...app, secret: by }, { token: 'x' });
    expect((await works(secret)).status).toBe(200);
    const twice = await developer.agent.submit(page, { overlap: '86400', lifetime: '' }, '/secrets');
    expect(twice.html).toContain('shown once');
    const secrets = await provider.operator.clients.secrets(shell, app.id);
    expect(secrets).toHaveLength(2);
    const former = secrets.at(-1)?.id ?? '';
    const asked = await developer.open(`/clients/${app.id}/secrets/${former}/retire`);
    await developer.agent.submit(asked, {}, '/retire');
    await until(async () => (await works(app.secret)).status === 401);
  });

  it('disables and enables the app, and deletes it after a page with the consequences', async () => {
    const app = await provider.createClient();
    const path = `/clients/${app.id}`;
    const off = await developer.send(`${path}/disable`, '/disable');
    expect(words(off)).toContain('Test client is disabled');
    await undo(off, '/enable');
    expect((await provider.operator.clients.find(shell, app.id)).enabled).toBe(true);
    const unreasoned = await developer.send(`${path}/delete`, '/delete');
    expect(unreasoned.status).toBe(400);
    await developer.send(`${path}/delete`, '/delete', { reason: 'unused' });
    expect((await developer.open(path)).status).toBe(404);
    const [event] = await provider.sql(
      "select details from audit_events where type = 'client.deleted' and client_id = $1",
      [app.id],
    );
    expect(event).toMatchObject({ details: { reason: 'unused' } });
  });

  it('previews the claims of its tokens', async () => {
    const app = await provider.createClient({ grant_types: ['client_credentials'] });
    const own = await developer.open(`/clients/${app.id}?preview=1`);
    expect(words(own)).toContain(`"sub": "${app.id}"`);
    const web = await provider.createClient();
    const known = await developer.open(`/clients/${web.id}?preview=1&person=${support.person.email}`);
    expect(known.html).toContain(support.person.id);
    const nobody = await developer.open(`/clients/${web.id}?preview=1&person=nobody`);
    expect(nobody.html).toContain('There is nobody with this name');
  });
});

it('the console shows support nothing that it may not do', async () => {
  const app = await provider.createClient();
  const page = await support.open(`/clients/${app.id}`);
  expect(page.status).toBe(200);
  expect(page.html).not.toMatch(/method="post" action="\/admin\/clients/);
  expect(page.html).not.toContain('/disable"');
  const wizard = await support.open('/clients/new');
  expect([wizard.status, wizard.html.includes('clients:write')]).toEqual([403, true]);
  const list = await support.open('/clients?search=Test&kind=web');
  expect(list.html).toContain(app.id);
  expect(list.html).not.toContain('/admin/clients/new');
});

describe('the console’s page of an API', () => {
  const ORDERS = 'https://orders.example.test/v1';
  const path = `/apis/${encodeURIComponent(ORDERS)}`;

  it('registers, changes and reverts it, and deletes it if nothing refers to it and its name was typed', async () => {
    const made = await developer.send('/apis/new', '/apis/new', {
      identifier: ORDERS,
      name: 'Orders',
      scopes: 'orders:read\norders:write',
    });
    expect(words(made)).toContain('Orders has been registered');
    const app = await provider.createClient({ scope: 'openid orders:read' });
    await provider.operator.roles.create(shell, { name: 'clerk', scopes: { [ORDERS]: ['orders:write'] } });
    const page = await developer.open(path);
    for (const part of [app.id, '/admin/roles/clerk', 'orders:write']) expect(page.html).toContain(part);
    const kept = await developer.agent.submit(page, { scopes: 'orders:write' }, '/scopes');
    expect([kept.status, words(kept).includes('still in use')]).toEqual([409, true]);
    const saved = await developer.agent.submit(
      page,
      { scopes: 'orders:read orders:write', enforce_roles: 'yes' },
      '/scopes',
    );
    const enforces = async () => (await provider.operator.apis.find(shell, ORDERS)).enforceRoles;
    expect([words(saved).includes('Orders has been saved'), await enforces()]).toEqual([true, true]);
    await undo(saved, '/scopes');
    expect(await enforces()).toBe(false);
    const asked = await developer.open(`${path}/delete`);
    for (const part of ['One app refers to it.', 'One role refers to it.'])
      expect(asked.html).toContain(part);
    const answers = { reason: 'moved', typed_name: 'Orders' };
    expect(
      (await developer.agent.submit(asked, { ...answers, typed_name: 'orders' }, '/delete')).status,
    ).toBe(400);
    expect((await developer.agent.submit(asked, answers, '/delete')).status).toBe(409);
    await provider.operator.roles.remove(shell, 'clerk');
    await provider.operator.clients.remove(shell, app.id);
    const gone = await developer.send(`${path}/delete`, '/delete', answers);
    expect(words(gone)).toContain('Orders has been deleted');
    expect((await developer.open(path)).status).toBe(404);
  });

  it('shows what an MCP server has to serve', async () => {
    const made = await developer.send('/apis/new?kind=mcp', '/apis/new', {
      identifier: 'https://mcp.example.test/mcp',
      name: 'Tools',
      scopes: 'tools:call',
      dynamic_clients: 'yes',
    });
    expect(made.html).toContain('/.well-known/oauth-protected-resource/mcp');
    const wrong = await developer.send('/apis/new?kind=mcp', '/apis/new', {
      identifier: 'nowhere',
      name: 'x',
    });
    expect([wrong.status, wrong.html.includes('id="identifier-error"')]).toEqual([400, true]);
    expect(wrong.html).toContain('New MCP server');
  });
});

describe('the console’s page of a sign-in provider', () => {
  it('requires an answer from the provider before people may use it, and never shows its secret', async () => {
    const owner = await enterConsole(provider, 'owner');
    const answers = { id: 'corp', name: 'Corp', clientId: 'postern', clientSecret: 'a-secret-of-theirs' };
    const silent = { ...answers, issuer: 'http://localhost:9', enabled: 'yes' };
    const refused = await owner.send('/upstreams/new', '/upstreams/new', silent);
    expect([refused.status, refused.html.includes('id="issuer-error"')]).toEqual([400, true]);
    expect(refused.html).not.toContain('a-secret-of-theirs');
    const made = await owner.send('/upstreams/new', '/upstreams/new', { ...silent, enabled: '' });
    expect(words(made)).toContain('Corp has been added');
    expect(made.html).toContain(`${provider.url}/upstream/corp/callback`);
    const tested = await owner.agent.submit(made, {}, '/test');
    expect(words(tested)).toContain('It does not answer');
    const saved = await owner.agent.submit(
      await owner.open('/upstreams/corp'),
      { ...answers, issuer: provider.url, clientSecret: '', trustEmail: 'yes' },
      '/settings',
    );
    expect(words(saved)).toContain('Corp has been saved');
    expect(words(await owner.agent.submit(saved, {}, '/test'))).toContain('It answers and can be used');
    await provider.sql(
      `insert into upstream_identities (id, upstream, issuer, subject, account_id, label)
       select gen_random_uuid(), 'corp', 'https://corp.example', n::text, $1, '<b>' || n from generate_series(1, 26) n`,
      [developer.person.id],
    );
    const withPeople = await owner.open('/upstreams/corp');
    expect(withPeople.html.match(/&lt;b&gt;\d+/g)).toHaveLength(10);
    const first = await owner.open('/upstreams/corp/people?limit=25');
    expect(first.html.match(/&lt;b&gt;\d+/g)).toHaveLength(25);
    const next = /href="([^"]+)" rel="next"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect((await owner.open(next.replace('/admin', ''))).html.match(/&lt;b&gt;\d+/g)).toHaveLength(1);
    expect((await owner.open('/upstreams/none/people')).status).toBe(404);
    const on = await owner.agent.submit(saved, {}, '/enable');
    expect(words(on)).toContain('Corp is enabled');
    const off = await owner.send('/upstreams/corp/disable', '/disable');
    expect(words(off)).toContain('Corp is disabled');
    await provider.sql("delete from upstream_identities where upstream = 'corp'");
    await owner.send('/upstreams/corp/delete', '/delete', { reason: 'unused' });
    expect((await owner.open('/upstreams/corp')).status).toBe(404);
    const developerSees = await developer.open('/upstreams/new');
    expect([developerSees.status, developerSees.html.includes('upstreams:write')]).toEqual([403, true]);
  });
});
