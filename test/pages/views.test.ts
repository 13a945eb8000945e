import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import type { Context } from 'koa';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { Renderer } from '../../src/http/pages/render.ts';
import { launchBrowser } from '../support/browser.ts';
import { samples } from './support/samples.ts';
import { servePages } from './support/serve.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const OF_LOOKS = ['color-contrast', 'target-size', 'link-in-text-block'];
/** Colours depend on the theme and sizes on the width: look at each once. */
const LOOKS = [
  { colorScheme: 'light', width: 1280 },
  { colorScheme: 'dark', width: 390 },
] as const;
const names = Object.keys(samples);

function show(ctx: Context, renderer: Renderer): void {
  // A page that posts by itself stays as it is.
  if (ctx.method === 'POST') ctx.status = 204;
  // Accepts any passkey: the test browser has none.
  else if (ctx.path === '/passkey-options') ctx.body = { challenge: 'AAAA', rpId: 'localhost' };
  else samples[ctx.path.slice(1)]?.render(renderer, ctx);
}

let browser: Browser;
let origin: string;
beforeAll(async () => {
  browser = await launchBrowser();
  origin = await servePages(show);
});

async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  // A page that redirects to an app by itself stays as it is.
  await context.route(/^https:/, (route) => route.fulfill({ status: 204 }));
  return context.newPage();
}

/** The violations that axe finds on the current page, and what it cannot decide. */
async function problemsOf(page: Page, rules: string[]): Promise<string[]> {
  const options = JSON.stringify({ runOnly: rules });
  const { violations, incomplete } = await page.evaluate<AxeResults>(`axe.run(${options})`);
  return [...violations, ...incomplete].flatMap(({ id, nodes }) =>
    nodes.map(({ target }) => `${id} at ${target.join(' ')}`),
  );
}

describe('axe finds no violations, in light and dark, on desktop and phone:', () => {
  let page: Page;
  beforeAll(async () => {
    page = await openPage({ bypassCSP: true, reducedMotion: 'reduce' });
  });
  afterAll(() => page.context().close());

  test.each(names)('%s', async (name) => {
    const found: string[] = [];
    for (const [index, { colorScheme, width }] of LOOKS.entries()) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      if (index === 0) {
        await page.goto(`${origin}/${name}`);
        await page.evaluate(axe);
      }
      // The markup does not change: after the first look, check only what depends on theme and size.
      found.push(...(await problemsOf(page, index === 0 ? RULES : OF_LOOKS)));
    }
    expect(found).toEqual([]);
  });
});

test('any brand colour passes axe on the page that uses it most', async () => {
  for (const color of ['#ffd400', '#ffffff', '#000000']) {
    const branded = await servePages(show, { color });
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await openPage({ colorScheme, bypassCSP: true });
      await page.goto(`${branded}/consent`);
      await page.evaluate(axe);
      const found = await problemsOf(page, ['color-contrast']);
      expect({ color, colorScheme, found }).toEqual({ color, colorScheme, found: [] });
      await page.context().close();
    }
  }
});

test.each(['en', 'de', 'es', 'zh'])(
  'in %s no page is wider than the smallest screen (WCAG 2.2, 1.4.10), and none violates its Content-Security-Policy',
  async (language) => {
    const page = await openPage({ viewport: { width: 320, height: 640 } });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    for (const name of names) {
      await page.goto(`${origin}/${name}?lang=${language}`);
      const width = await page.evaluate('document.documentElement.scrollWidth');
      expect({ name, width, complaints }).toEqual({ name, width: 320, complaints: [] });
    }
    await page.context().close();
  },
);

/** Serves the sign-in page. `posts` receives what its form sends, and the reply waits for `answer`. */
async function serveForm(posts: string[], answer: Promise<void> = Promise.resolve()): Promise<string> {
  return servePages(async (ctx, renderer) => {
    if (ctx.method === 'GET') {
      samples['sign-in-client']?.render(renderer, ctx);
      return;
    }
    ctx.req.setEncoding('utf8');
    let body = '';
    ctx.req.on('data', (chunk: string) => (body += chunk));
    await once(ctx.req, 'end');
    posts.push(`${ctx.path}?${body}`);
    await answer;
    ctx.body = 'done';
  });
}

describe('a page without JavaScript', () => {
  test('lets a form be filled in and sent', async () => {
    const posts: string[] = [];
    const page = await openPage({ javaScriptEnabled: false });
    await page.goto(await serveForm(posts));
    expect(await page.getByRole('button').allTextContents()).toEqual([
      'Sign in',
      'Cancel and go back to Acme Reports',
    ]);
    await page.getByLabel('Email or username').fill('maria');
    await page.getByLabel('Password', { exact: true }).fill('a secret');
    await page.keyboard.press('Enter');
    await page.getByText('done').waitFor();
    expect(posts).toEqual(['/sign-in?csrf=token&identifier=maria&password=a+secret&remember=yes']);
    await page.context().close();
  });
});

describe('a page with JavaScript', () => {
  test('can show a password, and sends it as a password', async () => {
    const posts: string[] = [];
    const page = await openPage();
    await page.goto(await serveForm(posts));
    const input = page.getByLabel('Password', { exact: true });
    await input.fill('a secret');
    await page.getByRole('button', { name: 'Show password' }).click();
    expect(await input.getAttribute('type')).toBe('text');
    await page.getByRole('button', { name: 'Hide password' }).click();
    expect(await input.getAttribute('type')).toBe('password');
    await page.context().close();
  });

  test('shows the strength of a new password while it is typed', async () => {
    const page = await openPage();
    await page.goto(`${origin}/create-account`);
    await page.getByLabel('Username').fill('wintermute');
    const password = page.getByLabel('Password', { exact: true });
    const note = page.locator('[data-strength]');
    for (const [typed, words] of [
      ['short', 'Too short'],
      ['aaaaaaaaaaaa', 'Easy to guess'],
      ['12345678', 'Easy to guess'],
      ['Wintermute1!', 'Easy to guess'],
      ['three unrelated words', 'Strong'],
    ] as const) {
      await password.fill(typed);
      expect([typed, await note.textContent()]).toEqual([typed, words]);
    }
    await password.fill('');
    expect(await note.isVisible()).toBe(false);
    await page.context().close();
  });

  test('sends a form once, however often the button is pressed', async () => {
    const posts: string[] = [];
    const { promise: answer, resolve } = Promise.withResolvers<void>();
    const page = await openPage();
    await page.goto(await serveForm(posts, answer));
    await page.getByLabel('Password', { exact: true }).fill('a secret');
    // The second press comes while the first waits for its reply.
    page.on('console', (message) => message.text() === 'pressed again' && resolve());
    await page.evaluate(`
      const button = document.querySelector('form button.button');
      button.click();
      setTimeout(() => { button.click(); console.log('pressed again'); }, 100);
    `);
    await page.getByText('done').waitFor();
    expect(posts).toHaveLength(1);
    await page.context().close();
  });

  test('replaces a logo that does not load by a letter', async () => {
    const broken = await servePages((ctx, renderer) => {
      if (ctx.path === '/logo.png') {
        ctx.status = 404;
        return;
      }
      renderer.render(ctx, 'expired', { homeUrl: '/' });
      renderer.render(ctx, 'sign-in', {
        action: '/',
        csrf: 'x',
        problems: [],
        identifier: '',
        remember: false,
        rememberFor: 60,
        passkeyUrl: '/passkey-options',
        client: { clientId: 'x', clientName: 'Acme', logoUri: `http://${ctx.host}/logo.png` },
      });
    });
    const page = await openPage();
    await page.goto(broken, { waitUntil: 'networkidle' });
    expect(await page.locator('.tile img').count()).toBe(0);
    expect(await page.locator('.tile').textContent()).toBe('A');
    await page.context().close();
  });
});

describe('a page used by keyboard', () => {
  test('focuses the first field, and continues in reading order', async () => {
    const page = await openPage();
    await page.goto(`${origin}/sign-in`);
    const focused = () =>
      page.evaluate('document.activeElement.id || document.activeElement.textContent.trim()');
    const order = [await focused()];
    for (let press = 0; press < 6; press += 1) {
      await page.keyboard.press('Tab');
      order.push(await focused());
    }
    expect(order).toEqual([
      'identifier',
      'password',
      'Show',
      'remember',
      'Sign in',
      'Sign in with a passkey',
      'Create account',
    ]);
    await page.context().close();
  });

  test('shows first that a form was refused, and leads to the fields', async () => {
    const page = await openPage();
    await page.goto(`${origin}/create-account-errors`);
    expect(await page.title()).toBe('Error: Create your account – Postern');
    expect(await page.evaluate('document.activeElement.id')).toBe('problems');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('email');
    const email = page.getByLabel('Email');
    expect(await email.getAttribute('aria-invalid')).toBe('true');
    const described = await email.getAttribute('aria-describedby');
    expect(await page.locator(`#${described ?? ''}`).textContent()).toContain('not a complete email address');
    await page.context().close();
  });
});
