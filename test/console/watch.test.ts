import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Call, callAs, idOf, itemsOf } from '../api/support/operators.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { until } from '../support/until.ts';
import { enterConsole, type Operator } from './support/operators.ts';

let provider: Provider;
let api: Call;
let owner: Operator;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  api = await callAs(provider, 'owner');
  owner = await enterConsole(provider, 'owner');
});

const name = () => `n${randomUUID().slice(0, 8)}`;
const latest = async (type: string) => itemsOf(await api('GET', `/audit?type=${type}&limit=1`))[0] ?? {};

describe('the console’s audit', () => {
  it('keeps filters in the URL, includes the last day, and exports what they find', async () => {
    const person = await provider.createPerson();
    await api('POST', `/users/${person.id}/suspend`);
    const today = new Date().toISOString().slice(0, 10);
    const query = `type=user.*&subject=${encodeURIComponent(person.email)}&from=${today}&to=${today}`;
    const page = await owner.open(`/audit?${query}`);
    expect(page.status).toBe(200);
    for (const part of ['user.suspended', 'value="user.*"', 'subject=', 'Export CSV'])
      expect(page.html).toContain(part);
    expect(page.html).toContain(`href="/admin/users/${person.id}"`);
    // Types have readable names and follow the option for their whole group. Types from the URL are kept.
    expect(page.html).toMatch(/<optgroup label="People">\s*<option value="user.\*" selected>All user\.\*</);
    expect(page.html).toContain('<option value="user.suspended">… suspended …</option>');
    const unknown = await owner.open('/audit?type=nothing.here');
    expect(unknown.status).toBe(400);
    expect(unknown.html).toContain('<option value="nothing.here" selected>');
    const channel = await owner.open('/audit?door=page');
    expect(channel.url.search).toBe('');
    expect(channel.html).toContain('did you mean pages?');
    const { id: app } = await provider.createClient();
    expect((await owner.open(`/audit?client_id=${app}`)).html).toContain(`href="/admin/clients/${app}"`);
    expect((await owner.open(`/audit?${query}&outcome=failure`)).html).toContain('No events found');
    const csv = await fetch(`${provider.url}/admin/audit/export?${query}&format=csv`, {
      headers: { cookie: owner.agent.cookies('/admin/audit') },
    });
    expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
    expect(await csv.text()).toContain('user.suspended');
    expect((await latest('audit.exported'))['actor']).toMatchObject({ id: owner.person.id });
  });

  it.each(['ip=nonsense', 'type=..', 'from=yesterday', 'to=2026-13-45'])(
    'names the mistake in a filter: %s',
    async (query) => {
      const page = await owner.open(`/audit?${query}`);
      expect([page.status, page.html.includes('role="alert"')]).toEqual([400, true]);
    },
  );

  it('shows one event, and reverts and restores its change', async () => {
    const role = name();
    await api('POST', '/roles', { name: role, description: 'Helps' });
    await api('PATCH', `/roles/${role}`, { description: '<b>Harms</b>' });
    const { id } = await latest('role.updated');
    const path = `/audit/${String(id)}`;
    const page = await owner.open(path);
    expect(page.html).toContain('&lt;b&gt;Harms&lt;/b&gt;');
    const done = await owner.agent.submit(page, {}, '/put-back');
    expect(done.url.pathname).not.toBe(`/admin${path}`);
    expect(done.html).toContain('Undone:');
    expect((await api('GET', `/roles/${role}`)).body['description']).toBe('Helps');
    expect((await owner.open(path)).html).toContain('This was undone');
    // A second time finds another state and shows it.
    const refused = await owner.agent.submit(page, {}, '/put-back');
    expect(refused.status).toBe(412);
    expect(refused.html).toMatch(/data-label="Now">(?:<[^>]*>)*Helps/);
    const undone = await owner.agent.submit(done, {}, `${done.url.pathname}/put-back`);
    expect(undone.status).toBe(200);
    expect((await api('GET', `/roles/${role}`)).body['description']).toBe('<b>Harms</b>');
  });

  it('offers to revert only with the permission', async () => {
    const role = name();
    await api('POST', '/roles', { name: role });
    await api('PATCH', `/roles/${role}`, { description: 'x' });
    const { id } = await latest('role.updated');
    const auditor = await enterConsole(provider, 'auditor');
    expect((await auditor.open(`/audit/${String(id)}`)).html).not.toContain('/put-back');
    expect((await (await enterConsole(provider, 'support')).open('/audit')).status).toBe(403);
    expect((await owner.open(`/audit/${randomUUID()}`)).status).toBe(404);
  });
});

describe('the console’s page of a contract', () => {
  it('says who is affected, closes the contract, and opens it again', async () => {
    const call = () => fetch(`${provider.url}/contracts/gateway/api/v1/auth/health`);
    await call();
    await until(async () => Number((await api('GET', '/contracts/gateway/usage')).body['requests']) > 0);
    const page = await owner.open('/contracts/gateway');
    expect(page.html).toContain('GET /api/v1/auth/health');
    const asked = await owner.open('/contracts/gateway/close');
    expect(asked.html).toMatch(/In the last 7 days: (?:one request|\d+ requests) of 0 accounts/);
    expect((await api('GET', '/contracts/gateway')).body['open']).toBe(true);
    const closed = await owner.agent.submit(asked, {}, '/close');
    expect(closed.html).toContain('is closed.');
    await until(async () => (await call()).status === 404);
    await owner.agent.submit(closed, {}, '/open');
    await until(async () => (await call()).status === 200);
    const auditor = await enterConsole(provider, 'auditor');
    expect((await auditor.open('/contracts/gateway')).html).not.toContain('/close');
    expect((await auditor.open('/contracts/gateway/close')).status).toBe(403);
  }, 40_000);
});

describe('mail in the console', () => {
  it('shows its texts, names the line of a mistake, and keeps the saved text', async () => {
    const path = '/mail/templates/password-reset?language=en';
    const page = await owner.open(path);
    const field = 'texts:subject';
    const wrong = await owner.agent.submit(
      page,
      { 'texts:text': 'one\n{two' },
      '/mail/templates/password-reset',
    );
    expect(wrong.status).toBe(400);
    expect(wrong.html).toContain('line 2, column');
    expect(wrong.html).toContain('{two');
    const [before] = itemsOf(await api('GET', '/mail/templates?template=password-reset&language=en'));
    expect(before).toMatchObject({ overridden: [] });
    const frame = {
      ...page,
      html: page.html.replace('action="/admin/mail/templates/', 'action="/admin/mail/preview/'),
    };
    const preview = await owner.agent.submit(frame, { [field]: 'Look <b>here</b>' }, '/mail/preview/');
    expect(preview.html).toContain('Look &lt;b&gt;here');
    const mistake = await owner.agent.submit(frame, { 'texts:text': 'one\n{two' }, '/mail/preview/');
    expect(mistake.html).toContain('line 2, column');
    const saved = await owner.agent.submit(page, { [field]: 'Anew' }, '/mail/templates/password-reset');
    expect(saved.html).toContain('are saved.');
    const [after] = itemsOf(await api('GET', '/mail/templates?template=password-reset&language=en'));
    expect(after).toMatchObject({ overridden: ['subject'], texts: { subject: 'Anew' } });
    // Sending the old form again conflicts with the new version.
    const stale = await owner.agent.submit(page, { [field]: 'Other' }, '/mail/templates/password-reset');
    expect([stale.status, stale.html.includes('changed this since')]).toEqual([412, true]);
  });

  it('is previewed in a sandboxed frame', async () => {
    const shown = await fetch(`${provider.url}/admin/mail/preview/new-device/de`, {
      headers: { cookie: owner.agent.cookies('/admin/mail') },
    });
    expect(shown.status).toBe(200);
    const policy = shown.headers.get('content-security-policy') ?? '';
    expect(policy).toContain('sandbox');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('script-src');
    expect(await shown.text()).toContain('lang="de"');
  });

  it('sends a test message, and resends pending ones', async () => {
    const page = await owner.open('/mail/test');
    expect(page.html).toContain(`value="${owner.person.email}"`);
    const sent = await owner.agent.submit(page, { to: owner.person.email }, '/mail/test');
    expect(sent.html).toContain('is on its way.');
    expect((await latest('mail.tested'))['actor']).toMatchObject({ id: owner.person.id });
    const bad = await owner.agent.submit(page, { to: 'nobody' }, '/mail/test');
    expect([bad.status, bad.html.includes('id="to-error"')]).toEqual([400, true]);
  });
});

describe('webhooks, keys and tokens in the console', () => {
  it('a webhook is created, its secret is shown once, and a test is sent', async () => {
    const page = await owner.open('/webhooks/new');
    const values = { url: 'https://127.0.0.1.example/hook', event_types: 'user.*' };
    const made = await owner.agent.submit(page, values, '/webhooks/new');
    expect(made.html).toMatch(/whsec_[\w+/=]+/);
    const again = await owner.agent.submit(page, values, '/webhooks/new');
    expect(again.html).not.toMatch(/whsec_/);
    const [hook] = itemsOf(await api('GET', '/webhooks'));
    const path = `/webhooks/${String(hook?.['id'])}`;
    expect(itemsOf(await api('GET', '/webhooks'))).toHaveLength(1);
    const tested = await owner.agent.submit(await owner.open(path), {}, '/test');
    expect(tested.html).toContain('webhook.test');
    const off = await owner.agent.submit(await owner.open(`${path}/disable`), {}, '/disable');
    expect(off.html).toContain('is off.');
    const changed = await owner.agent.submit(
      await owner.open(`${path}/edit`),
      { event_types: 'nonsense.*' },
      '/edit',
    );
    expect(changed.status).toBe(400);
    const gone = await owner.agent.submit(await owner.open(`${path}/delete`), { reason: 'Done' }, '/delete');
    expect(gone.html).toContain('is deleted.');
  });

  it('keys are rotated, and a signing key is retired only after a warning', async () => {
    const asked = await owner.open('/keys/rotate');
    expect(asked.html).toContain('Nothing breaks.');
    const rotated = await owner.agent.submit(asked, {}, '/keys/rotate');
    expect(rotated.html).toContain('Next');
    const signing = itemsOf(await api('GET', '/keys')).find(({ state }) => state === 'active');
    const path = `/keys/${String(signing?.['kid'])}/retire`;
    const retire = await owner.open(path);
    expect(retire.html).toContain('stops working');
    const without = await owner.agent.submit(retire, {}, '/retire');
    expect([without.status, without.html.includes('Give a reason')]).toEqual([400, true]);
    const retired = await owner.agent.submit(retire, { reason: 'It leaked' }, '/retire');
    expect(retired.html).toContain('is retired.');
    expect(await latest('key.retired')).toMatchObject({ reason: 'It leaked' });
    expect((await (await enterConsole(provider, 'auditor')).open(path)).status).toBe(403);
  });

  it('API keys and tokens are created, shown once and revoked', async () => {
    for (const [path, values, secret] of [
      ['/api-keys', { name: 'CRM', permissions: 'users:read' }, /ptn_[\w-]+/],
      ['/registration-tokens', { policy: 'default', days: '1' }, /data-copy="[\w-]{20,}/],
      ['/scim-tokens', { name: 'Entra' }, /data-copy="[\w-]{20,}/],
    ] as const) {
      const page = await owner.open(`${path}/new`);
      expect((await owner.agent.submit(page, values, `${path}/new`)).html).toMatch(secret);
      expect((await owner.agent.submit(page, values, `${path}/new`)).html).not.toMatch(secret);
      const list = itemsOf(await api('GET', path));
      expect(list).toHaveLength(1);
      const revoke = `${path}/${idOf({ body: list[0] } as never)}/revoke`;
      const revoked = await owner.agent.submit(await owner.open(revoke), {}, '/revoke');
      expect(revoked.html).toContain('Revoked:');
      expect(itemsOf(await api('GET', path))).toHaveLength(0);
    }
    const wrong = await owner.send('/api-keys/new', '/api-keys/new', { name: 'x', days: '0' });
    expect(wrong.status).toBe(400);
  });
});

describe('an API key in the console', () => {
  it('changes its name, permissions and last day, and undoes the change', async () => {
    const expires = new Date(Date.now() + 40 * 86_400_000).toISOString();
    const made = await api('POST', '/api-keys', {
      name: 'CRM',
      permissions: ['users:read', 'auth:login'],
      expires_at: expires,
    });
    const path = `/api-keys/${idOf(made)}`;
    const read = async () => (await api('GET', path)).body;
    const before = await read();
    const day = new Date(Date.now() + 9 * 86_400_000).toISOString().slice(0, 10);
    expect((await owner.open('/api-keys')).html).toContain(`href="/admin${path}"`);
    const saved = await owner.send(path, path, { name: 'Shop', permissions: 'users:read', expires_at: day });
    expect(saved.html).toMatch(/The key .*Shop.* is changed/s);
    expect(await read()).toMatchObject({
      name: 'Shop',
      permissions: ['users:read'],
      expires_at: `${day}T23:59:59.000Z`,
    });
    const undone = await owner.agent.submit(saved, {}, path);
    expect(undone.html).toContain('is changed');
    expect(await read()).toEqual(before);
    // The end stays to the millisecond if its day does.
    const values = { name: 'Shop', permissions: 'users:read', expires_at: expires.slice(0, 10) };
    await owner.send(path, path, values);
    expect(await read()).toMatchObject({ name: 'Shop', expires_at: expires });
    await owner.send(path, path, { ...values, expires_at: '' });
    expect(await read()).toMatchObject({ expires_at: null });
    for (const wrong of [{ expires_at: '2020-01-01' }, { expires_at: 'soon' }, { name: ' ' }]) {
      const page = await owner.send(path, path, { ...values, ...wrong });
      expect([page.status, page.html.includes('aria-invalid')]).toEqual([400, true]);
    }
    expect((await (await enterConsole(provider, 'auditor')).open(path)).status).toBe(403);
    expect((await owner.open('/api-keys/00000000-0000-4000-8000-000000000000')).status).toBe(404);
    await api('DELETE', path);
  });
});

describe('branding in the console', () => {
  const send = async (fields: Record<string, string | Blob>, path = '/admin/branding') => {
    const page = await owner.open('/branding');
    const body = new FormData();
    for (const [, field = '', value = ''] of page.html.matchAll(
      /name="(csrf|version|language)" value="([^"]*)"/g,
    ))
      body.set(field, value);
    for (const [field, value] of Object.entries(fields)) body.set(field, value);
    const reply = await fetch(`${provider.url}${path}`, {
      method: 'POST',
      headers: { cookie: owner.agent.cookies('/admin/branding') },
      body,
      redirect: 'manual',
    });
    return { reply, html: await reply.text() };
  };
  const png = new Blob(
    [
      Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
        'base64',
      ),
    ],
    { type: 'image/png' },
  );

  it('is previewed before it is published, with a logo, and can be undone', async () => {
    const look = { 'name': 'Quayside', 'colors:light': '#8a1f5c', 'logo': png };
    const shown = await send(look, '/admin/branding/preview');
    expect(shown.html).toMatch(/--brand:#8a1f5c.*data:image\/png;base64,.*Sign in to Quayside/s);
    expect(shown.html).toMatch(
      /data-theme="light".*Sign in to Quayside.*data-theme="dark".*Sign in to Quayside/s,
    );
    expect(shown.reply.headers.get('content-security-policy')).toContain('sandbox');
    expect((await api('GET', '/branding')).body['name']).toBeNull();
    expect((await send(look)).reply.status).toBe(303);
    expect((await api('GET', '/branding')).body).toMatchObject({
      name: 'Quayside',
      colors: { light: '#8a1f5c' },
      logo: { type: 'image/png' },
    });
    await owner.send('/branding', '/branding/undo');
    expect((await api('GET', '/branding')).body).toMatchObject({ name: null, logo: null });
    const dark = await send({ logo_dark: png }, '/admin/branding/preview');
    expect(dark.html).toMatch(/data-theme="light"(?!.*data:image.*data-theme="dark").*data:image\/png/s);
    expect((await send({ logo_dark: png })).reply.status).toBe(303);
    expect((await api('GET', '/branding')).body).toMatchObject({
      logo: null,
      logo_dark: { type: 'image/png' },
    });
    expect((await send({ remove_logo_dark: 'yes' })).reply.status).toBe(303);
    expect((await api('GET', '/branding')).body).toMatchObject({ logo_dark: null });
  });

  it.each([
    ['colors:light', '#ffff00', 'WCAG'],
    ['name', '<b>', 'markup'],
    ['logo', new Blob(['<svg/>'], { type: 'image/svg+xml' }), 'must be one of'],
  ])('reports %s at its field', async (field, value, words) => {
    const { reply, html } = await send({ [field]: value });
    expect([reply.status, html.includes(`id="${field}-error"`), html.includes(words)]).toEqual([
      400,
      true,
      true,
    ]);
  });

  it('refuses a file beyond the size limit', async () => {
    const { reply } = await send({ logo: new Blob(['x'.repeat(200_000)]) });
    expect(reply.status).toBe(400);
  });
});
