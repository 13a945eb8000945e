import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createMessageRenderer } from '../../src/mail/renderer.ts';
import { samples } from '../../src/mail/samples.ts';
import { authorizationUrl } from '../oidc/support/flow.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { launchBrowser } from '../support/browser.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { type Call, callAs, itemsOf } from './support/operators.ts';

let provider: Provider;
let owner: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL', env: { WEB_CONCURRENCY: '2' } });
  owner = await callAs(provider, 'owner');
});

/** A PNG of one pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const DARK_PNG = Buffer.concat([Buffer.from(PNG, 'base64'), Buffer.from([0])]).toString('base64');

const pageAt = async (url: string) => (await new UserAgent(provider.url).open(url)).html;
/** Waits until the page of every worker is like this. */
const everywhere = (url: string, holds: (html: string) => boolean) =>
  until(async () => (await Promise.all(Array.from({ length: 6 }, () => pageAt(url)))).every(holds));
const fileOf = (html: string, form: RegExp) => fetch(`${provider.url}${form.exec(html)?.[1] ?? '/none'}`);

describe('branding', () => {
  it('changes name, colours, logo and texts on every node, under If-Match', async () => {
    const before = await owner('GET', '/branding');
    expect(before).toMatchObject({ status: 200, body: { name: null, logo: null, apps: {}, version: 1 } });
    const changed = await owner(
      'PATCH',
      '/branding',
      {
        name: 'Quayside',
        colors: { light: '#0a7d55', dark: '#3fd39a' },
        logo: { type: 'image/png', data: PNG },
        texts: { en: { page_footer: "Ask Quayside's help desk", sign_in_title: "Let's go" } },
      },
      { 'if-match': '"1"' },
    );
    expect(changed).toMatchObject({ status: 200, body: { version: 2, name: 'Quayside' } });
    await everywhere('/sign-in', (html) => html.includes('Quayside'));
    const html = await pageAt('/sign-in');
    expect(html).toContain('Let&#39;s go');
    expect(html).toContain('Ask Quayside&#39;s help desk');
    expect(html).not.toMatch(/<style|style="/);
    const css = await fileOf(html, /href="(\/assets\/brand-[\w-]+\.css\?v=[\w-]+)"/);
    expect(await css.text()).toMatch(/--brand:#0a7d55.*--brand:#3fd39a/s);
    const logo = await fileOf(html, /src="(\/assets\/logo-[\w-]+\.png\?v=[\w-]+)"/);
    expect(logo.headers.get('content-type')).toBe('image/png');
    expect(logo.headers.get('x-content-type-options')).toBe('nosniff');
    expect(logo.headers.get('content-security-policy')).toContain('sandbox');
    expect(Buffer.from(await logo.arrayBuffer()).toString('base64')).toBe(PNG);

    expect(await owner('PATCH', '/branding', { name: 'X' }, { 'if-match': '"1"' })).toMatchObject({
      status: 412,
      body: { current: { version: 2, name: 'Quayside' } },
    });
    const [event] = await provider.sql(
      "select details from audit_events where type = 'branding.updated' order by at limit 1",
    );
    expect(event).toMatchObject({
      details: { after: { name: 'Quayside', logo: { type: 'image/png', sha256: expect.any(String) } } },
    });
    expect(JSON.stringify(event)).not.toContain(PNG);
  });

  it('can differ for an app', async () => {
    const client = await provider.createClient();
    const apps = { [client.id]: { name: 'Harbour Shop', colors: { light: '#8a1f5c' } } };
    expect((await owner('PATCH', '/branding', { apps })).status).toBe(200);
    const url = authorizationUrl(provider, client);
    await everywhere(url, (html) => html.includes('Harbour Shop'));
    const css = await fileOf(await pageAt(url), /href="(\/assets\/brand-[\w-]+\.css\?v=[\w-]+)"/);
    expect(await css.text()).toContain('--brand:#8a1f5c');
    expect(await pageAt('/sign-in')).not.toContain('Harbour Shop');
    expect(await owner('PATCH', '/branding', { apps: { nobody: { name: 'X' } } })).toMatchObject({
      status: 404,
    });
    expect((await owner('PATCH', '/branding', { apps: { [client.id]: null } })).body['apps']).toEqual({});
  });

  it('can have another logo on dark pages', async () => {
    const client = await provider.createClient();
    const image = (data: string) => ({ type: 'image/png', data });
    const changes = {
      logo: image(PNG),
      logo_dark: image(DARK_PNG),
      apps: { [client.id]: { logo: image(PNG) } },
    };
    expect(await owner('PATCH', '/branding', changes)).toMatchObject({
      status: 200,
      body: { logo_dark: image(DARK_PNG), apps: { [client.id]: { logo_dark: null } } },
    });
    await everywhere('/sign-in', (html) => html.includes('on-dark'));
    const html = await pageAt('/sign-in');
    const dark = await fileOf(html, /class="brand-logo on-dark" src="([^"]+)"/);
    expect(Buffer.from(await dark.arrayBuffer()).toString('base64')).toBe(DARK_PNG);
    // The logo of an app replaces both.
    expect(await pageAt(authorizationUrl(provider, client))).not.toContain('on-dark');

    const tab = await (await launchBrowser()).newPage();
    await tab.goto(`${provider.url}/sign-in`);
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme });
      expect(await tab.locator('.brand-logo.on-light').isVisible()).toBe(colorScheme === 'light');
      expect(await tab.locator('.brand-logo.on-dark').isVisible()).toBe(colorScheme === 'dark');
    }

    const removed = { logo: null, logo_dark: null, apps: null };
    expect(await owner('PATCH', '/branding', removed)).toMatchObject({ body: { logo_dark: null } });
    const [event] = itemsOf(await owner('GET', '/audit?type=branding.updated&limit=1'));
    expect(event).toMatchObject({ before: { logo_dark: { sha256: expect.any(String) } } });
    const putBack = await owner('POST', `/audit/${String(event?.['id'])}/put-back`);
    expect(putBack.status).toBe(200);
    expect((await owner('GET', '/branding')).body['logo_dark']).toEqual(image(DARK_PNG));
    await owner('PATCH', '/branding', removed);
    const file = path.join(await temporaryFolder(), 'dark.png');
    await writeFile(file, Buffer.from(DARK_PNG, 'base64'));
    const { code } = await runCli(['branding', 'update', '--dark-logo', file], { env: provider.postern.env });
    expect(code).toBe(0);
    expect((await owner('GET', '/branding')).body['logo_dark']).toEqual(image(DARK_PNG));
    await owner('PATCH', '/branding', removed);
  });

  it('is reverted to the previous version, and forward again', async () => {
    await owner('PATCH', '/branding', { name: 'First' });
    await owner('PATCH', '/branding', { name: 'Second', texts: null });
    const undone = await owner('POST', '/branding/undo');
    expect(undone).toMatchObject({ status: 200, body: { name: 'First', texts: { en: expect.any(Object) } } });
    await everywhere('/sign-in', (html) => html.includes('First'));
    expect(await owner('POST', '/branding/undo')).toMatchObject({ body: { name: 'Second', texts: {} } });
  });

  it('lists its versions and reverts to any of them, with the icon', async () => {
    await owner('PATCH', '/branding', { name: 'Third', colors: { light: '#8a1f5c' } });
    await owner('PATCH', '/branding', { name: 'Fourth' });
    const versions = (await owner('GET', '/branding/versions')).body['items'] as Record<string, unknown>[];
    expect(versions.slice(0, 2)).toMatchObject([
      { name: 'Fourth', changed: ['name'], created_at: expect.any(String) },
      { name: 'Third', changed: expect.arrayContaining(['name', 'colors']) },
    ]);
    const iconOf = async () => Buffer.from(await (await fetch(`${provider.url}/favicon.ico`)).arrayBuffer());
    const icon = await iconOf();
    const first = versions.find(({ changed }) => (changed as string[]).length === 0);
    expect(await owner('POST', '/branding/undo', { version: first?.['version'] })).toMatchObject({
      status: 200,
      body: { name: null, colors: { light: null } },
    });
    await until(async () => !(await iconOf()).equals(icon));
    expect((await owner('POST', '/branding/undo', { version: 99_999 })).status).toBe(404);
  });

  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>').toString('base64');
  it.each([
    ['a colour with too little contrast', { colors: { light: '#ffff00' } }, 'colors.light'],
    ['a colour with too little contrast on dark pages', { colors: { dark: '#101010' } }, 'colors.dark'],
    ['an invalid colour', { colors: { light: 'red' } }, 'colors.light'],
    ['markup', { texts: { en: { page_footer: '<b>x</b>' } } }, 'texts.en.page_footer'],
    [
      'an address in a text',
      { texts: { de: { mail_footer: 'Mehr auf evil.example' } } },
      'texts.de.mail_footer',
    ],
    ['a link in a text', { texts: { en: { sign_in_title: 'https://evil' } } }, 'texts.en.sign_in_title'],
    ['placeholders in a name', { name: '{evil}' }, 'name'],
    ['a name with characters that reverse text', { name: 'a\u202eb' }, 'name'],
    ['an unknown language', { texts: { xx: {} } }, 'texts.xx'],
    ['an unknown text', { texts: { en: { other: 'x' } } }, 'texts.en.other'],
    ['an SVG', { logo: { type: 'image/svg+xml', data: svg } }, 'logo.type'],
    ['an SVG declared as PNG', { logo: { type: 'image/png', data: svg } }, 'logo.data'],
    ['an SVG on dark pages', { logo_dark: { type: 'image/png', data: svg } }, 'logo_dark.data'],
    ['invalid data', { logo: { type: 'image/png', data: '!!' } }, 'logo.data'],
  ])('cannot have %s', async (_what, changes, field) => {
    expect(await owner('PATCH', '/branding', changes)).toMatchObject({
      status: 400,
      body: { errors: [{ field }] },
    });
  });

  it('states the contrast that a colour lacks', async () => {
    const { body } = await owner('PATCH', '/branding', { colors: { light: '#ffff00' } });
    expect(JSON.stringify(body)).toMatch(/contrast of 1\.\d\d with the light page; WCAG 2\.2 AA needs 3/);
  });

  it('is visible to every operator, and changed only with permission, one change at a time', async () => {
    const auditor = await callAs(provider, 'auditor');
    const { headers } = await auditor('GET', '/branding');
    const etag = { 'if-match': headers.get('etag') ?? '' };
    expect((await auditor('PATCH', '/branding', { name: 'X' })).status).toBe(403);
    expect((await auditor('POST', '/branding/undo')).status).toBe(403);
    const answers = await Promise.all(
      ['One', 'Two'].map((name) => owner('PATCH', '/branding', { name }, etag)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 412]));
  });

  it('can be changed by the command', async () => {
    const cli = (...args: string[]) => runCli(['branding', ...args, '--json'], { env: provider.postern.env });
    expect(JSON.parse((await cli('update', '--name', 'By command')).stdout)).toMatchObject({
      name: 'By command',
    });
    expect((await cli('update', '--color', '#ffff00')).code).toBe(2);
  });

  it('adds the operator’s own text below every message', () => {
    const render = createMessageRenderer({
      name: 'Quayside',
      brand: { color: '#0a7d55', logo: null },
      languages: ['en'],
      mail: { from: null, templates: null },
      publicUrl: 'https://login.example.com',
      footer: () => "Quayside's <help>",
    });
    for (const message of samples('en').slice(0, 3)) {
      const { html, text } = render(message);
      expect(html).toContain('Quayside&#39;s &lt;help&gt;');
      expect(text).toContain("Quayside's <help>");
    }
  });
});
