import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { signIn } from '../oidc/support/flow.ts';
import { systemActor } from '../../src/core/actor.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

let provider: Provider;
let owner: Call;
beforeAll(async () => {
  provider = await startProvider({
    stores: 'PostgreSQL',
    env: { WEB_CONCURRENCY: '2', CONTRACTS: 'ppl' },
    settings: { metrics: { token: 'a token for the metrics' }, registration: { open: true } },
  });
  owner = await callAs(provider, 'owner');
});

const settingOf = async (key: string) =>
  itemsOf(await owner('GET', '/settings')).find((setting) => setting['key'] === key);
const cli = (...args: string[]) => runCli(['setting', ...args, '--json'], { env: provider.postern.env });

describe('settings', () => {
  it('are listed with their sources and without secrets', async () => {
    const all = await owner('GET', '/settings');
    expect(all).toMatchObject({ status: 200, body: { version: expect.any(Number) } });
    expect(await settingOf('registration.open')).toMatchObject({
      value: true,
      source: 'file',
      changeable: true,
      restart_needed: false,
    });
    expect(await settingOf('session.ttl')).toMatchObject({
      value: 43_200,
      source: 'default',
      restart_needed: true,
    });
    expect(await settingOf('contracts.enabled')).toMatchObject({ value: ['ppl'], source: 'environment' });
    expect(await settingOf('PUBLIC_URL')).toMatchObject({ value: provider.url });
    const secret = { value: null, secret: true, is_set: true };
    for (const key of ['metrics.token', 'SECRETS_KEY', 'DATABASE_URL'])
      expect(await settingOf(key)).toMatchObject(secret);
    expect(await settingOf('SMTP_URL')).toMatchObject({ secret: true, is_set: false });
    const text = JSON.stringify([all.body, (await cli('list')).stdout]);
    for (const value of ['a token for the metrics', provider.postern.env['SECRETS_KEY'], 'postgres://'])
      expect(text).not.toContain(value);
  });

  it('that need no restart change on every node at once, under If-Match, and back', async () => {
    const agents = Array.from({ length: 6 }, () => new UserAgent(provider.url));
    const offers = async () =>
      Promise.all(agents.map(async (agent) => (await agent.open('/sign-in')).html.includes('/register')));
    expect(await offers()).toEqual(agents.map(() => true));
    const { version } = (await owner('GET', '/settings')).body;
    const etag = { 'if-match': `"${String(version)}"` };
    const changed = await owner('PATCH', '/settings', { 'registration.open': false }, etag);
    expect(changed.status).toBe(200);
    expect(await settingOf('registration.open')).toMatchObject({ value: false, source: 'database' });
    await until(async () => (await offers()).every((offered) => !offered));
    expect(await owner('PATCH', '/settings', { 'registration.open': true }, etag)).toMatchObject({
      status: 412,
      body: { current: { version: Number(version) + 1 } },
    });
    expect((await owner('PATCH', '/settings', { 'registration.open': null })).status).toBe(200);
    expect(await settingOf('registration.open')).toMatchObject({ value: true, source: 'file' });
    await until(async () => (await offers()).every((offered) => offered));
    expect(
      await provider.sql("select details from audit_events where type = 'settings.updated' order by at"),
    ).toEqual([
      {
        details: {
          before: { 'registration.open': true },
          after: { 'registration.open': false },
          // The value came from the configuration.
          unset: ['registration.open'],
        },
      },
      { details: { before: { 'registration.open': false }, after: { 'registration.open': true } } },
    ]);
  });

  it('require a second factor of operators as soon as they say so', async () => {
    const person = await provider.createPerson();
    await provider.operator.accounts.update(person.id, { roles: ['user', 'support'] }, systemActor);
    const client = await provider.createClient();
    await signIn(provider, client, person);
    expect((await owner('PATCH', '/settings', { 'mfa.requiredForRoles': ['support'] })).status).toBe(200);
    await until(async () => {
      const agent = new UserAgent(provider.url);
      try {
        await signIn(provider, client, person, { agent });
        return false;
      } catch {
        return true;
      }
    });
    await owner('PATCH', '/settings', { 'mfa.requiredForRoles': null });
  });

  it.each([
    [{ 'session.ttl': 60 }, 'session.ttl'],
    [{ nonsense: 1 }, 'nonsense'],
    [{ 'registration.open': 'yes' }, 'registration.open'],
    [{ 'audit.retention': 5 }, 'audit.retention'],
    [{ 'log.level': 'loud' }, 'log.level'],
    [{ 'mfa.requiredForRoles': ['No Role'] }, 'mfa.requiredForRoles.0'],
    [{ '__proto__.open': true }, '__proto__.open'],
  ])('cannot be %j', async (changes, field) => {
    expect(await owner('PATCH', '/settings', changes)).toMatchObject({
      status: 400,
      body: { errors: [{ field }] },
    });
  });

  it('are changed only with permission', async () => {
    const administrator = await callAs(provider, 'administrator');
    expect((await administrator('GET', '/settings')).status).toBe(200);
    expect((await administrator('PATCH', '/settings', { 'log.level': 'debug' })).status).toBe(403);
    const support = await callAs(provider, 'support');
    expect((await support('GET', '/settings')).status).toBe(403);
    expect((await support('GET', '/health')).status).toBe(403);
  });

  it('can be changed by the command', async () => {
    expect(JSON.parse((await cli('set', 'loginRequests.perClient', '7')).stdout)).toMatchObject({
      value: 7,
      source: 'database',
    });
    expect(await settingOf('loginRequests.perClient')).toMatchObject({ value: 7 });
    expect((await cli('unset', 'loginRequests.perClient')).code).toBe(0);
    expect((await cli('set', 'session.ttl', '7')).code).toBe(2);
  });
});

describe('health', () => {
  it('lists what the doctor finds, the worst first, with a date and a fix each', async () => {
    const { status, body } = await owner('GET', '/health');
    expect(status).toBe(200);
    const findings = body['findings'] as { name: string; status: string; fix: string | null }[];
    expect(findings.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['postgres', 'signing keys', 'contract ppl', 'registration', 'discovery']),
    );
    const ranks = findings.map((finding) => ['problem', 'warning', 'ok'].indexOf(finding.status));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(findings.every((finding) => finding.status === 'ok' || finding.fix !== null)).toBe(true);
    expect(Date.parse(String(body['checked_at']))).toBeGreaterThan(Date.now() - 60_000);
    // The server keeps its own connections.
    expect((await owner('GET', '/settings')).status).toBe(200);
  });
});
