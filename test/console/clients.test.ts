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
  provider = await startProvider({ stores: 'PostgreSQL' });
  [developer, support] = await Promise.all([
    enterConsole(provider, 'developer', 'support'),
    enterConsole(provider, 'support'),
  ]);
});

/** The words of a page. */
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

describe('the wizard', () => {
  it('makes an app at its end and not before, shows its secret once, and makes no second one', async () => {
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

  it('goes back to the step whose answer was refused, with what was typed', async () => {
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

describe('an app', () => {
  it('shows its refusals, and adds what is safe to add, which can be undone', async () => {
    const app = await provider.createClient({ redirect_uris: [HOME] });
    const markup = 'https://evil.example.test/<script>';
    await refuse(app, 'http://localhost:9/cb');
    await fetch(authorizationUrl(provider, app, { redirect_uri: markup }), { redirect: 'manual' });
    await until(async () => (await provider.operator.refusals.ofClient(shell, app.id)).length === 2);
    const page = await developer.open(`/clients/${app.id}`);
    expect(page.html).toContain('2 different things were refused lately');
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

  it('saves each card by itself, and says what somebody else has changed meanwhile', async () => {
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

  it('gets further secrets, each shown once, and retires one of several', async () => {
    const app = await provider.createClient();
    const page = await developer.open(`/clients/${app.id}`);
    const made = await developer.agent.submit(page, { overlap: '86400', lifetime: '' }, '/secrets');
    const secret = /data-copy="([\w-]{30,})" [^>]*client_secret/.exec(made.html)?.[1] ?? '';
    const works = (by: string) => post(provider, 'introspect', { ...app, secret: by }, { token: 'x' });
    expect((await works(secret)).status).toBe(200);
    const twice = await developer.agent.submit(page, { overlap: '86400', lifetime: '' }, '/secrets');
    expect(twice.html).toContain('was shown once');
    const secrets = await provider.operator.clients.secrets(shell, app.id);
    expect(secrets).toHaveLength(2);
    const former = secrets.at(-1)?.id ?? '';
    const asked = await developer.open(`/clients/${app.id}/secrets/${former}/retire`);
    await developer.agent.submit(asked, {}, '/retire');
    await until(async () => (await works(app.secret)).status === 401);
  });

  it('is disabled, enabled and deleted after a page that counts what breaks', async () => {
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

  it('previews what its tokens would say', async () => {
    const app = await provider.createClient({ grant_types: ['client_credentials'] });
    const own = await developer.open(`/clients/${app.id}?preview=1`);
    expect(words(own)).toContain(`"sub": "${app.id}"`);
    const web = await provider.createClient();
    const known = await developer.open(`/clients/${web.id}?preview=1&person=${support.person.email}`);
    expect(known.html).toContain(support.person.id);
    const nobody = await developer.open(`/clients/${web.id}?preview=1&person=nobody`);
    expect(nobody.html).toContain('There is nobody of this name');
  });
});

it('shows a support desk nothing that it may not do', async () => {
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
