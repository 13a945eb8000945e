import { beforeAll, describe, expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { csrfOf } from '../account/support/desk.ts';
import { readLetters } from '../account/support/mail.ts';
import { type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { launchBrowser } from '../support/browser.ts';
import { createOperator, enterConsole, type Operator, signInAt, tabOf } from './support/operators.ts';

const shell = shellOperator(systemActor);
const MARKUP = '<b>Bo</b> & "Berg" <script>alert(1)</script>';

let provider: Provider;
let owner: Operator;
let person: Person;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await enterConsole(provider, 'owner');
  person = await provider.createPerson();
});

const text = ({ html }: Pick<Page, 'html'>): string =>
  html
    .replaceAll(/<(script|style)\b.*?<\/\1>/gs, ' ')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');
const rowOf = async (id: string) =>
  (await provider.sql('select name, status, roles, version from users where id = $1', [id]))[0];
const named = async (name: string | null): Promise<Person> => {
  const made = await provider.createPerson();
  await provider.operator.accounts.update(made.id, { name }, systemActor);
  return made;
};

describe('the console’s list of people', () => {
  it('keeps filters in the URL, counts, and shows markup as text', async () => {
    const bo = await named(MARKUP);
    const list = await owner.open(`/users?search=${bo.username}`);
    expect(text(list)).toContain('&lt;b&gt;Bo&lt;/b&gt; &amp; &quot;Berg&quot;');
    expect(list.html).not.toContain('<script>alert');
    expect(text(list)).toContain(`Search people: ${bo.username}`);
    expect(text(await owner.open(`/users?search=${bo.username}&status=suspended`))).toContain(
      'Nothing matches',
    );
    const today = new Date().toISOString().slice(0, 10);
    const found = await owner.open(
      `/users?search=${bo.username}&created_after=${today}&created_before=${today}`,
    );
    expect(found.html).toContain(bo.id);
    const nonsense = await owner.open('/users?created_after=nonsense&cursor=nonsense');
    expect([nonsense.status, nonsense.url.pathname + nonsense.url.search]).toEqual([200, '/admin/users']);
  });

  it('sorts by its headings both ways, and keeps the filters', async () => {
    const { open } = await enterConsole(provider, 'support');
    const first = (await open('/users?status=active')).html;
    expect(first).toMatch(
      /aria-sort="descending"><a class="sort" href="\/admin\/users\?status=active&amp;sort=created_at"/,
    );
    expect(first).toContain('href="/admin/users?status=active&amp;sort=email"');
    const byEmail = await open('/users?sort=email');
    expect(byEmail.html).toMatch(/aria-sort="ascending"><a class="sort" href="\/admin\/users\?sort=-email"/);
    expect((await open('/users?sort=nonsense')).status).toBe(200);
    await provider.createClient();
    const apps = await enterConsole(provider, 'developer');
    for (const sort of ['name', '-name', 'last_used_at', '-last_used_at'])
      expect((await apps.open(`/clients?sort=${sort}`)).html).toContain('aria-sort=');
  });

  it('acts on the ticked people, and reports each outcome', async () => {
    const [one, two, boss] = [
      await named('One'),
      await named('Two'),
      await createOperator(provider, 'owner'),
    ];
    const support = await enterConsole(provider, 'support');
    const ids = [one.id, two.id, boss.id, 'nobody'].map((id): [string, string] => ['id', id]);
    const ask = await support.open(`/users/bulk/suspend?${new URLSearchParams(ids).toString()}`);
    expect(text(ask)).toContain('Suspend 4 people?');
    const reply = await fetch(`${provider.url}/admin/users/bulk/suspend`, {
      method: 'POST',
      headers: { cookie: support.agent.cookies('/admin') },
      body: new URLSearchParams([['csrf', csrfOf(ask)], ...ids]),
    });
    const done = { html: await reply.text() };
    expect([reply.status, text(done)]).toEqual([200, expect.stringContaining('2 of 4 done.')]);
    expect(text(done)).toContain('stronger_operator');
    expect(await rowOf(boss.id)).toMatchObject({ status: 'active' });
    expect(await rowOf(one.id)).toMatchObject({ status: 'suspended' });
    expect((await support.open(`/users/bulk/delete?id=${one.id}`)).status).toBe(403);

    const deletion = await owner.open(`/users/bulk/delete?id=${one.id}`);
    const refused = await owner.agent.submit(
      deletion,
      { when: 'now', reason: 'left', typed_name: '7' },
      '/bulk/delete',
    );
    expect([refused.status, await rowOf(one.id)]).toMatchObject([400, { status: 'suspended' }]);
    const gone = await owner.agent.submit(
      refused,
      { when: 'now', reason: 'left', typed_name: '1' },
      '/bulk/delete',
    );
    expect(text(gone)).toContain('1 of 1 done.');
    expect((await owner.open(`/users/${one.id}`)).status).toBe(404);
  });

  it('exports what the filters find', async () => {
    const bo = await named('=1+1');
    const { html, headers } = await owner.open(`/users/export?format=csv&search=${bo.username}`);
    expect(headers.get('content-disposition')).toContain('users.csv');
    expect(html).toContain("'=1+1");
    const support = await enterConsole(provider, 'support');
    expect((await support.open('/users/export?format=csv')).status).toBe(403);
  });
});

it('the console creates and invites people, and keeps the input of a refused form', async () => {
  const letters = readLetters(provider.postern);
  const refused = await owner.send('/users/new', '/users/new', {
    email: person.email,
    name: 'Ana Ruiz',
    way: 'invite',
  });
  expect([refused.status, refused.html]).toEqual([409, expect.stringContaining('value="Ana Ruiz"')]);
  const page = await owner.agent.submit(
    refused,
    { email: 'ana@people.test', name: 'Ana Ruiz', way: 'invite' },
    '/users/new',
  );
  expect(text(page)).toContain('An invitation to Ana Ruiz is on its way.');
  expect((await letters.next('ana@people.test')).subject).toBe('Your new account');
});

describe('the console’s page of a person', () => {
  it('shows each role what it may do, and no more', async () => {
    const acts = [
      'Suspend',
      'Send reset mail',
      'End sessions',
      'Delete',
      'Export data',
      'View as',
      'Change roles',
    ];
    const shown = async (role: string) => {
      const { open } = await enterConsole(provider, role);
      const page = await open(`/users/${person.id}`);
      expect(page.status).toBe(200);
      return acts.filter((act) => page.html.includes(`>${act}<`));
    };
    expect(await shown('owner')).toEqual(acts);
    expect(await shown('support')).toEqual(['Suspend', 'Send reset mail', 'End sessions']);
    expect(await shown('auditor')).toEqual([]);
    expect((await (await enterConsole(provider, 'developer')).open(`/users/${person.id}`)).status).toBe(403);
    const support = await enterConsole(provider, 'support');
    const stronger = await support.open(`/users/${owner.person.id}`);
    expect(text(stronger)).toContain('because you lack these permissions');
    expect(stronger.html).not.toContain('>Suspend<');
    expect((await support.open(`/users/${owner.person.id}/suspend`)).status).toBe(200);
    const own = await owner.open(`/users/${owner.person.id}`);
    expect(own.html).not.toContain('>Suspend<');
  });

  it('writes only changed fields, can be undone, and detects a conflict of two operators', async () => {
    const ana = await named('Ana');
    const at = `/users/${ana.id}`;
    const first = await owner.open(at);
    const second = await owner.open(at);
    const saved = await owner.agent.submit(first, { name: 'Ana Ruiz' }, `${at}/profile`);
    expect([saved.status, text(saved)]).toEqual([200, expect.stringContaining('Ana Ruiz is saved.')]);
    const event = await provider.sql(
      "select details from audit_events where type = 'user.updated' and subject = $1 order by at desc limit 1",
      [ana.id],
    );
    expect(event[0]?.['details']).toMatchObject({ before: { name: 'Ana' }, after: { name: 'Ana Ruiz' } });
    const stale = await owner.agent.submit(second, { name: 'Anna' }, `${at}/profile`);
    expect(stale.status).toBe(412);
    for (const part of ['Anna', 'Ana Ruiz', 'Ada Lovelace']) expect(text(stale)).toContain(part);
    expect(await rowOf(ana.id)).toMatchObject({ name: 'Ana Ruiz' });
    const back = await owner.agent.submit(saved, {}, `${at}/profile`);
    expect(back.status).toBe(200);
    expect(await rowOf(ana.id)).toMatchObject({ name: 'Ana' });
  });

  it('suspends and reactivates, and shows any name', async () => {
    for (const name of [MARKUP, 'محمد بن عبد الله', 'L'.repeat(200), null]) {
      const { id } = await named(name);
      const page = await owner.open(`/users/${id}`);
      expect([page.status, page.html.includes('<script>alert')]).toEqual([200, false]);
    }
    const { id } = await named('Cy');
    const asked = await owner.open(`/users/${id}/suspend`);
    const done = await owner.agent.submit(asked, { reason: 'left' }, '/suspend');
    expect(text(done)).toContain('Cannot sign in: suspended.');
    expect(await provider.audited('user.suspended', id)).toMatchObject({
      details: { reason: 'left' },
      door: 'console',
    });
    const again = await owner.agent.submit(done, {}, '/reactivate');
    expect(text(again)).toContain('Cy can sign in again.');
  });

  it('refuses a form for a deleted person, and a forged form', async () => {
    const { id } = await named('Gone');
    const page = await owner.open(`/users/${id}`);
    await provider.operator.accounts.remove(id, systemActor);
    const saved = await owner.agent.submit(page, { name: 'Back' }, '/profile');
    expect(saved.status).toBe(404);
    const other = await named('Dora');
    const reply = await fetch(`${provider.url}/admin/users/${other.id}/profile`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: owner.agent.cookies('/admin') },
      body: new URLSearchParams({ name: 'Mallory', csrf: 'x' }),
    });
    expect([reply.status, await rowOf(other.id)]).toMatchObject([403, { name: 'Dora' }]);
  });

  it('starts a view with the permission, which returns to the page', async () => {
    const ana = await named('Ana');
    const viewer = await enterConsole(provider, 'owner');
    const at = `/users/${ana.id}`;
    const refused = await viewer.send(`${at}/view-as`, '/view-as', { reason: '' });
    expect(refused.status).toBe(400);
    const view = await viewer.send(`${at}/view-as`, '/view-as', { reason: 'ticket 4711' });
    expect([view.url.pathname, view.html.includes('class="viewing"')]).toEqual(['/account', true]);
    expect((await viewer.open(at)).status).toBe(403);
    const back = await viewer.agent.submit(await viewer.agent.open('/account'), {}, '/view-as/end');
    expect([back.url.pathname, back.status]).toEqual([`/admin${at}`, 200]);
    const waits = await viewer.send(`${at}/view-as`, '/view-as', { reason: 'ticket 4711', ask_first: 'yes' });
    expect(text(waits)).toContain('The person is asked');
    const boss = `/users/${owner.person.id}/view-as`;
    const never = await viewer.send(boss, '/view-as', { reason: 'ticket 4711' });
    expect([never.status, text(never)]).toEqual([
      403,
      expect.stringContaining('You cannot view as an operator.'),
    ]);
  });
});

it('the console’s page of a person marks only problems in red, and offers to unlock only after failures', async () => {
  const lin = await named('Lin');
  const page = async () => (await owner.open(`/users/${lin.id}`)).html;
  expect(await page()).toContain('badge-good');
  expect(await page()).not.toContain(`/users/${lin.id}/unlock`);
  await signInAt(provider, { ...lin, password: 'a wrong guess' }, '/account');
  const after = await owner.open(`/users/${lin.id}`);
  expect(text(after)).toContain('One failed attempt lately');
  await owner.agent.submit(after, {}, '/unlock');
  expect(await page()).not.toContain(`/users/${lin.id}/unlock`);
  await provider.operator.accounts.suspend(lin.id, systemActor);
  expect(await page()).toMatch(/badge-alert">Suspended/);
});

it('the console creates groups, adds and removes members, limits roles to the operator’s, and deletes with a count', async () => {
  const made = await owner.send('/groups/new', '/groups/new', { name: MARKUP, description: 'd' });
  expect(made.html).not.toContain('<script>alert');
  const at = made.url.pathname;
  const added = await owner.agent.submit(made, { person: person.email }, '/members');
  expect(text(added)).toContain('is added.');
  expect((await owner.agent.submit(made, { person: 'nobody@nowhere.test' }, '/members')).status).toBe(404);
  const undone = await owner.agent.submit(added, {}, `${at}/members/remove`);
  expect(text(undone)).toContain('Nobody belongs to it.');
  const asked = await owner.open(`${at.slice('/admin'.length)}/delete`);
  expect(text(asked)).toContain('It has no members.');
  expect(text(await owner.agent.submit(asked, {}, '/delete'))).toContain('The group is deleted.');
  const support = await enterConsole(provider, 'support');
  const list = await support.open('/groups');
  expect([list.status, list.html.includes('/groups/new')]).toEqual([200, false]);
});

it('the console shows built-in roles, copies, assigns and unassigns roles, never beyond the operator’s permissions', async () => {
  const builtIn = await owner.open('/roles/support');
  expect(text(builtIn)).toContain('Reset passwords and second factors, verify addresses');
  expect(builtIn.html).not.toContain('Delete role');
  expect((await owner.open('/roles/user')).html).not.toContain('Delete role');
  const copy = await owner.open('/roles/new?copy=developer');
  const made = await owner.agent.submit(copy, { name: 'desk', permissions: 'users:read' }, '/roles/new');
  expect(text(made)).toContain('The role desk is saved.');
  const given = await owner.agent.submit(made, { person: person.username }, '/holders');
  expect([text(given).includes('now has the role desk'), await rowOf(person.id)]).toMatchObject([
    true,
    { roles: expect.arrayContaining(['desk']) },
  ]);
  await owner.agent.submit(given, {}, '/holders/remove');
  expect((await rowOf(person.id))?.['roles']).not.toContain('desk');
  await provider.operator.roles.create(shell, { name: 'giver', permissions: ['roles:write', 'users:read'] });
  const giver = await enterConsole(provider, 'giver');
  expect((await giver.open('/roles/owner')).html).not.toContain('/holders');
  const other = await giver.open(`/users/${person.id}`);
  const refused = await giver.agent.submit(other, { roles: 'owner' }, `/users/${person.id}/roles`);
  expect([refused.status, text(refused)]).toEqual([403, expect.stringContaining('You cannot give')]);
});

it('the console ends the ticked sessions', async () => {
  const agent = new UserAgent(provider.url);
  const ana = await named('Session Ana');
  await signInAt(provider, ana, '/account', agent);
  const list = await owner.open('/sessions');
  expect(text(list)).toContain('Session Ana');
  const id = new RegExp(`value="(${ana.id} [^"]+)"`).exec(list.html)?.[1] ?? '';
  const asked = await owner.open(`/sessions/end/confirm?${new URLSearchParams({ id }).toString()}`);
  expect(text(asked)).toContain('End one session?');
  expect(text(await owner.agent.submit(asked, {}, '/sessions/end'))).toContain('1 of 1 done.');
  expect((await agent.open('/account')).url.pathname).toBe('/sign-in');
});

describe('history in the console', () => {
  it('is grouped by days in UTC, and by the days of the reader with scripts', async () => {
    const someone = await provider.createPerson();
    for (const at of ['2026-01-10T23:30:00Z', '2026-01-11T08:00:00Z'])
      await provider.sql(
        `insert into audit_events (id, at, type, outcome, subject, actor_kind, door, details)
         values (gen_random_uuid(), $1, 'user.updated', 'success', $2, 'system', 'system', '{}')`,
        [at, someone.id],
      );
    const path = `/admin/users/${someone.id}`;
    const { html } = await owner.agent.open(`${path}?lang=en`);
    const headings = [...html.matchAll(/<h3><time datetime="([\d-]+)">([^<]+)</g)].map(([, ...of]) => of);
    expect(headings.slice(1)).toEqual([
      ['2026-01-11', 'Sunday, January 11, 2026'],
      ['2026-01-10', 'Saturday, January 10, 2026'],
    ]);
    const tab = await tabOf(await launchBrowser(), owner);
    const clock = await tab.context().newCDPSession(tab);
    for (const [timezoneId, language, days, times] of [
      ['Asia/Tokyo', 'en', ['Today', 'Sunday, January 11, 2026'], ['5:00 PM', '8:30 AM']],
      ['Europe/Berlin', 'de', ['heute', 'Sonntag, 11. Januar 2026'], ['09:00', '00:30']],
    ] as const) {
      await clock.send('Emulation.setTimezoneOverride', { timezoneId });
      await tab.goto(`${provider.url}${path}?lang=${language}`);
      const shown = tab.locator('[data-days] h3');
      expect((await shown.allTextContents()).map((day) => day.toLowerCase())).toEqual(
        days.map((day) => day.toLowerCase()),
      );
      const last = tab.locator('[data-days] ol').last().locator('time');
      expect((await last.allTextContents()).map((time) => time.replaceAll(/\s/g, ' '))).toEqual(times);
    }
  });

  it('says who changed what, and names the operator only to readers of the audit', async () => {
    const bo = await named(MARKUP);
    const boss = await enterConsole(provider, 'owner');
    const set = (roles: string[]) =>
      provider.operator.assignments.setRoles(
        { ...shell, actor: { ...systemActor, kind: 'user', id: boss.person.id } },
        bo.id,
        roles,
      );
    await set(['user', 'auditor']);
    const escaped = '&lt;b&gt;Bo&lt;/b&gt; &amp; &quot;Berg&quot; &lt;script&gt;alert(1)&lt;/script&gt;';
    const sentence = (actor: string) => `${actor} changed the roles of ${escaped} : + auditor user.updated`;
    expect(text(await boss.open(`/users/${bo.id}`))).toContain(sentence('Ada Lovelace'));
    const support = await enterConsole(provider, 'support');
    const seen = text(await support.open(`/users/${bo.id}`));
    expect(seen).toContain('An operator changed the roles of');
    expect([seen.includes('Lovelace changed'), seen.includes('+ auditor')]).toEqual([false, false]);
    const german = await boss.agent.open(`/admin/audit?subject=${bo.id}&lang=de`);
    expect(text(german)).toContain(`Ada Lovelace hat die Rollen von ${escaped} geändert`);
  });

  it('reverts a change of roles', async () => {
    const { id } = await named('Eve');
    const boss = await enterConsole(provider, 'owner');
    const saved = await boss.send(`/users/${id}`, '/roles', { roles: 'auditor' });
    expect(await rowOf(id)).toMatchObject({ roles: expect.arrayContaining(['auditor']) });
    const undone = await boss.agent.submit(saved, {}, '/roles');
    expect(undone.status).toBe(200);
    expect(await rowOf(id)).toMatchObject({ roles: ['user'] });
  });

  it('reverts a change of address including its verification, unless the address is taken by then', async () => {
    const { id } = await named('Una');
    const boss = await enterConsole(provider, 'owner');
    const emailOf = async (whose: string) =>
      (await provider.sql('select email, email_verified_at from users where id = $1', [whose]))[0];
    await provider.sql('update users set email_verified_at = now() where id = $1', [id]);
    const old = String((await emailOf(id))?.['email']);
    const move = (to: string) => boss.send(`/users/${id}`, '/email', { email: to });
    await boss.agent.submit(await move('una@moved.test'), {}, '/email/undo');
    expect(await emailOf(id)).toMatchObject({ email: old, email_verified_at: expect.any(Date) });

    const moved = await move('una@moved.test');
    const other = await named('Uwe');
    await provider.operator.managedAccounts.update(shellOperator(systemActor), other.id, { email: old });
    const refused = await boss.agent.submit(moved, {}, '/email/undo');
    expect(refused.html).not.toContain('una@moved.test has been saved');
    expect(await emailOf(id)).toMatchObject({ email: 'una@moved.test', email_verified_at: null });
    expect(await emailOf(other.id)).toMatchObject({ email: old });
  });
});
