import { beforeAll, describe, expect, it } from '@jest/globals';
import { callAs } from '../api/support/operators.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { movableTime, type MovableTime } from '../support/clock.ts';
import { createOperator, enterConsole, signInAt } from './support/operators.ts';

let provider: Provider;
let time: MovableTime;
beforeAll(async () => {
  time = await movableTime();
  provider = await startProvider({ stores: 'PostgreSQL', ...time.server });
});

/** Seconds. */
const HOUR = 3600;

describe('access to the console', () => {
  it('leads through a sign-in and back to the address with its query', async () => {
    const owner = await createOperator(provider, 'owner');
    const page = await signInAt(provider, owner, '/admin/shortcuts?a=%2F&b=c');
    expect([page.status, page.url.pathname + page.url.search]).toEqual([200, '/admin/shortcuts?a=%2F&b=c']);
  });

  it.each(['//evil.example', '/admin\\evil', '/administration', 'https://evil.example/admin'])(
    'never redirects to other origins after a sign-in: %s',
    async (next) => {
      const person = await createOperator(provider, 'support');
      const page = await signInAt(provider, person, `/sign-in?next=${encodeURIComponent(next)}`);
      expect(page.url.href).toBe(`${provider.url}/account`);
    },
  );

  it('is refused to people who are not operators', async () => {
    const page = await signInAt(provider, await provider.createPerson());
    expect(page.status).toBe(403);
    expect(page.html).toContain('This is for operators');
    expect(page.html).not.toContain('class="side"');
  });

  it('shows what the operator may do, and names the missing permission for the rest', async () => {
    const { open } = await enterConsole(provider, 'support');
    const home = await open();
    expect(home.html).not.toContain('href="/admin/settings"');
    const settings = await open('/settings');
    expect(settings.status).toBe(403);
    for (const part of ['settings:read', 'owner, administrator, auditor', 'every owner'])
      expect(settings.html).toContain(part);
    const [refused] = await provider.sql(
      "select details, door from audit_events where type = 'operator.refused' order by at desc limit 1",
    );
    expect(refused).toMatchObject({
      door: 'console',
      details: { operation: 'console GET /admin/settings', reason: 'settings:read' },
    });
  });

  it('ends as soon as the role is taken away', async () => {
    const { open, person } = await enterConsole(provider, 'auditor');
    expect((await open('/settings')).status).toBe(200);
    await provider.sql("update users set roles = '{user}' where id = $1", [person.id]);
    expect((await open('/settings')).status).toBe(403);
  });
});

describe('a session at the console', () => {
  it('lasts while the operator is active, up to its maximum lifetime', async () => {
    const { open } = await enterConsole(provider, 'owner');
    for (let hour = 0; hour < 7; hour += 1) {
      await time.advance(HOUR - 60);
      expect((await open()).url.pathname).toBe('/admin');
    }
    await time.advance(HOUR + 480);
    expect((await open()).url.pathname).toBe('/sign-in');
  });

  it('ends after an idle hour, and a form sent then is kept and sent after confirmation', async () => {
    const { open, agent, person } = await enterConsole(provider, 'owner');
    const page = await open('/shortcuts');
    await time.advance(HOUR + 1);
    const form = await agent.submit(page, { keys: 'off', password: 'a secret' }, '/admin/shortcuts');
    expect(form.url.pathname).toBe('/sign-in');
    const asked = await agent.submit(
      form,
      { identifier: person.email, password: person.password },
      '/sign-in',
    );
    expect(asked.url.pathname).toBe('/admin/continue');
    expect(asked.html).not.toContain('a secret');
    const sent = await agent.submit(asked, {}, '/admin/shortcuts');
    expect(sent.html).toContain('Single-key shortcuts are off.');
    // The notice is shown once.
    expect((await open('/shortcuts')).html).not.toContain('Single-key shortcuts are off.');
    expect((await agent.open('/admin/continue')).url.pathname).toBe('/admin');
  });

  it('keeps no form for the next person at the browser', async () => {
    const { open, agent } = await enterConsole(provider, 'owner');
    const page = await open('/shortcuts');
    await time.advance(HOUR + 1);
    const form = await agent.submit(page, { keys: 'off' }, '/admin/shortcuts');
    const other = await createOperator(provider, 'support');
    const again = await agent.open(`${form.url.href}&other=`);
    const asked = await agent.submit(
      again,
      { identifier: other.email, password: other.password },
      '/sign-in',
    );
    expect(asked.url.pathname).toBe('/admin');
  });
});

describe('the console’s theme', () => {
  it('is light, dark or the system’s, and changing it returns to the page', async () => {
    const { open, agent } = await enterConsole(provider, 'support');
    const page = await open('/users?status=active');
    expect(page.html).not.toContain('data-theme');
    const dark = await agent.submit(page, { theme: 'dark' }, '/admin/theme');
    expect(dark.url.pathname + dark.url.search).toBe('/admin/users?status=active');
    expect(dark.html).toContain('data-theme="dark"');
    expect(dark.html).toMatch(/value="dark" aria-pressed="true"/);
    expect((await open()).html).toContain('data-theme="dark"');
    for (const back of ['//evil.example', '/admin\\evil', 'https://evil.example/admin', '/administration']) {
      const led = await agent.submit(dark, { theme: '"><b>', back }, '/admin/theme');
      expect(led.url.href).toBe(`${provider.url}/admin`);
      expect(led.html).not.toContain('data-theme');
    }
  });
});

describe('a form of the console', () => {
  it('is refused without its CSRF token or from another site', async () => {
    const { open, agent } = await enterConsole(provider, 'owner');
    const page = await open('/shortcuts');
    const stale = await agent.submit(page, { csrf: 'x', keys: 'off' }, '/admin/shortcuts');
    expect(stale.html).toContain('role="alert"');
    const foreign = await fetch(`${provider.url}/admin/shortcuts`, {
      method: 'POST',
      headers: { 'cookie': agent.cookies('/admin/shortcuts'), 'sec-fetch-site': 'cross-site' },
      body: new URLSearchParams({ keys: 'off' }),
      redirect: 'manual',
    });
    expect(foreign.status).toBe(403);
    expect((await open('/shortcuts')).html).toContain('data-keys="on"');
  });
});

describe('the console', () => {
  it('requires a second factor if the setting says so', async () => {
    const owner = await createOperator(provider, 'owner');
    const agent = new UserAgent(provider.url);
    const call = await callAs(provider, 'owner');
    const change = (value: boolean | null) => call('PATCH', '/settings', { 'console.secondFactor': value });
    expect((await change(true)).status).toBe(200);
    try {
      const page = await signInAt(provider, owner, '/admin', agent);
      expect([page.status, page.html.includes('Set up a second factor first')]).toEqual([403, true]);
    } finally {
      await change(null);
    }
    expect((await agent.open('/admin')).status).toBe(200);
  });
});

describe('the console’s settings', () => {
  const KEY = 'lockout.pair.attempts';

  it('show where each value comes from but no secret, and can be undone', async () => {
    const { open, send, agent } = await enterConsole(provider, 'owner');
    const all = await open('/settings');
    expect(all.html).toContain(KEY);
    expect(all.html).not.toContain(provider.postern.env['SECRETS_KEY']);
    const wrong = await send(`/settings/${KEY}`, KEY, { value: 'many' });
    expect([wrong.status, wrong.html.includes('value="many"')]).toEqual([400, true]);
    expect(wrong.html).toContain('aria-invalid');
    const saved = await send(`/settings/${KEY}`, KEY, { value: '7' });
    expect(saved.url.pathname).toBe('/admin/settings');
    expect(saved.html).toMatch(new RegExp(`<bdi>${KEY}</bdi></strong> is saved`));
    expect((await open(`/settings/${KEY}`)).html).toContain('value="7"');
    const undone = await agent.submit(saved, {}, KEY);
    expect(undone.html).toContain('is saved');
    expect((await open(`/settings/${KEY}`)).html).not.toContain('value="7"');
  });

  it('are explained, found by their explanation, and show durations in words', async () => {
    const { open } = await enterConsole(provider, 'owner');
    const { html } = await open('/settings?search=before+the+next');
    expect(html).toContain('How long a key signs before the next one takes over by itself.');
    expect(html).toContain('In seconds: 90 days.');
    expect(html).not.toContain(KEY);
    const one = await open('/settings/console.idle');
    expect(one.html).toContain('asks for another sign-in');
    expect(one.html).toContain('In seconds.');
  });

  it('show both values and who changed them on a conflict, and keep the input', async () => {
    const [ana, bo] = await Promise.all([enterConsole(provider, 'owner'), enterConsole(provider, 'owner')]);
    const stale = await ana.open(`/settings/${KEY}`);
    await bo.send(`/settings/${KEY}`, KEY, { value: '8' });
    const refused = await ana.agent.submit(stale, { value: '9' }, KEY);
    expect(refused.status).toBe(412);
    const [, mine, now] = [...refused.html.matchAll(/<td data-label="[^"]+"><bdi>([^<]*)<\/bdi>/g)].map(
      ([, text]) => text,
    );
    expect([mine ?? now, refused.html.includes('Ada Lovelace')]).toEqual(['8', true]);
    expect(refused.html).toContain('value="9"');
    const again = await ana.agent.submit(refused, { value: '9' }, KEY);
    expect(again.html).toContain('is saved');
  });

  it('require a fresh sign-in and a permission', async () => {
    const owner = await enterConsole(provider, 'owner');
    await time.advance(601);
    expect((await owner.open(`/settings/${KEY}`)).url.pathname).toBe('/sign-in');
    expect((await owner.open('/settings')).status).toBe(200);
    const auditor = await enterConsole(provider, 'auditor');
    expect((await auditor.open('/settings')).html).not.toContain(`href="/admin/settings/${KEY}"`);
    const page = await auditor.open(`/settings/${KEY}`);
    expect([page.status, page.html.includes('settings:write')]).toEqual([403, true]);
    expect((await owner.open('/settings/session.ttl')).url.pathname).toBe('/sign-in');
  });
});

describe('search in the console', () => {
  it('opens the record that a text names, and otherwise lists results', async () => {
    const { open, person } = await enterConsole(provider, 'owner');
    const { id } = await provider.createClient();
    for (const [q, path] of [
      [person.email, `/admin/users/${person.id}`],
      [id, `/admin/clients/${id}`],
    ] as const)
      expect((await open(`/search?q=${encodeURIComponent(q)}`)).url.pathname).toBe(path);
    const found = await open('/search?q=Lovelace');
    expect(found.html.match(/href="\/admin\/users\//g)?.length).toBe(5);
    const hostile = await open(`/search?q=${encodeURIComponent('"><script>')}`);
    expect(hostile.html).not.toContain('"><script>');
    expect((await open(`/search?q=${'x'.repeat(500)}`)).status).toBe(200);
  });
});

describe('the console’s overview', () => {
  it('shows each role what it may see', async () => {
    const owner = await enterConsole(provider, 'owner');
    const home = await owner.open();
    for (const part of ['Your first minutes', 'Sign-ins', 'Attacks noticed', 'Latest actions', 'Open doors'])
      expect(home.html).toContain(part);
    const support = await (await enterConsole(provider, 'support')).open();
    for (const part of ['Your first minutes', 'Attacks noticed', 'Latest actions', 'Open doors'])
      expect(support.html).not.toContain(part);
    expect(support.html).toContain('Sign-ins');
  });

  it('shows the doctor’s findings in the operator’s language', async () => {
    const { open } = await enterConsole(provider, 'owner');
    const page = await open('/health?lang=de');
    expect(page.html).toContain('keine Fehler; für die Entwicklung');
    expect(page.html).not.toContain('no mistakes');
  });

  it('reports failed mail, expiring secrets and administrators of contracts', async () => {
    const { open } = await enterConsole(provider, 'owner');
    const { id } = await provider.createClient();
    await provider.sql("update clients set secret_expires_at = now() + interval '3 days' where id = $1", [
      id,
    ]);
    const admin = await provider.createPerson();
    await provider.sql("update users set roles = '{user,admin}' where id = $1", [admin.id]);
    const { html } = await open();
    expect(html).toContain(`href="/admin/clients/${id}"`);
    expect(html).toMatch(/1?.* administers? others at the doors/);
  });

  it('shows the first steps until they are done or dismissed', async () => {
    const { open, agent } = await enterConsole(provider, 'owner');
    const left = ({ html }: { html: string }) => /(\d) of 6 left/.exec(html)?.[1];
    const before = Number(left(await open()));
    const page = await open();
    const form = page.html.match(/<form[^>]*first-steps[^>]*>/g);
    expect(form).toHaveLength(3);
    const marked = await agent.submit(page, { step: 'key_backup' }, '/first-steps');
    expect(Number(left(marked))).toBe(before - 1);
    const hidden = await agent.submit(marked, { step: 'over' }, '/first-steps');
    expect(hidden.html).not.toContain('Your first minutes');
    const events = await provider.sql(
      "select details->'after' as after from audit_events where type = 'setup.updated' order by at",
    );
    expect(events).toEqual([{ after: { confirmed: ['key_backup'] } }, { after: { hidden: true } }]);
  });
});

describe('an address in the console', () => {
  it('of a search that takes too long shows what to do', async () => {
    const { open, person } = await enterConsole(provider, 'owner');
    await provider.sql(
      "insert into contract_users (door, operation, day, account_id) values ('gateway', 'x', '2026-01-02', $1)",
      [person.id],
    );
    // Each of its rows takes longer to read than a search may take.
    await provider.sql('alter table contract_users rename to read_slowly');
    await provider.sql(
      'create view contract_users as select * from read_slowly where pg_sleep(3) is not null',
    );
    try {
      const page = await open('/users?door=gateway');
      expect([page.status, page.url.pathname]).toEqual([400, '/admin/users']);
      expect(page.html).toContain('This takes too long to find');
      expect(page.html).toContain('href="/admin/users"');
      expect(page.html).toContain('<nav');
    } finally {
      await provider.sql('drop view contract_users');
      await provider.sql('alter table read_slowly rename to contract_users');
    }
    expect((await open('/users?door=gateway')).html).toContain(person.email);
  });

  it('is read without NUL, and a cursor of another list leads to the first page', async () => {
    const { open, send } = await enterConsole(provider, 'owner');
    for (const path of ['/search?q=%00', '/search?q=a%00', '/users?search=%00', '/audit?actor=%00'])
      expect([path, (await open(path)).status]).toEqual([path, 200]);
    const list = await open('/users?search=a&cursor=x');
    expect([list.status, list.url.pathname + list.url.search]).toEqual([200, '/admin/users']);
    expect(list.html).toContain('That link does not belong to this list');
    const person = await provider.createPerson();
    const done = await send(`/users/${person.id}/suspend`, '/suspend', { reason: 'left\0' });
    expect(done.html).toContain('Cannot sign in: suspended.');
    expect(await provider.audited('user.suspended', person.id)).toMatchObject({
      details: { reason: 'left' },
    });
  });
});
