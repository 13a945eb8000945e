/** Every page of the console in a browser: wide, on a phone, in the dark, zoomed, in each language, by axe, without scripts. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { launchBrowser } from '../support/browser.ts';
import { PAGES, type World } from './pages.ts';
import { enterConsole, type Operator } from './support/operators.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** What theme and size can change. */
const OF_LOOKS = ['color-contrast', 'target-size', 'link-in-text-block'];
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 780 };
/** A desktop at 200 %. */
const ZOOMED = { width: 640, height: 450 };

let provider: Provider;
let world: World;
/** As an owner. `watched` keeps to the Content-Security-Policy. */
let tab: Page;
let watched: Page;
const complaints: string[] = [];

/** A tab that has the cookies of somebody who is signed in. */
async function tabOf(browser: Browser, { agent }: Operator, bypassCSP: boolean): Promise<Page> {
  const context = await browser.newContext({ viewport: DESKTOP, bypassCSP, reducedMotion: 'reduce' });
  const paths = new Map<string, string>();
  for (const path of ['/', '/admin'])
    for (const pair of agent.cookies(path).split('; ')) paths.set(pair, paths.get(pair) ?? path);
  await context.addCookies(
    [...paths].map(([pair, path]) => {
      const at = pair.indexOf('=');
      return { name: pair.slice(0, at), value: pair.slice(at + 1), domain: 'localhost', path };
    }),
  );
  return context.newPage();
}

beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  const [owner, person, browser] = await Promise.all([
    enterConsole(provider, 'owner'),
    provider.createPerson(),
    launchBrowser(),
  ]);
  world = { provider, owner, person };
  tab = await tabOf(browser, owner, true);
  watched = await tabOf(browser, owner, false);
  watched.on('console', (message) => complaints.push(message.text()));
  watched.on('pageerror', (error) => complaints.push(error.message));
});

afterAll(() => {
  // The page that is not there says so to the console, too.
  expect(complaints.filter((text) => !text.includes('status of 404'))).toEqual([]);
});

/** What axe finds, and what it cannot decide but by a look. */
async function found(rules: string[]): Promise<string[]> {
  const options = JSON.stringify({ runOnly: rules });
  const { violations } = await tab.evaluate<AxeResults>(`axe.run(${options})`);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id} at ${target.join(' ')}`));
}

const widthOf = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth');

describe.each(PAGES.map((page, index) => ({ ...page, index })))(
  '$heading',
  ({ path: find, heading, index }) => {
    test(typeof find === 'string' ? find : String(index), async () => {
      const path = typeof find === 'string' ? find : await find(world);
      const url = `${provider.url}/admin${path}`;
      await tab.emulateMedia({ colorScheme: 'light' });
      await tab.setViewportSize(DESKTOP);
      await tab.goto(url);
      expect(await tab.locator('h1').textContent()).toContain(heading);
      expect(await tab.locator('main').count()).toBe(1);
      await tab.evaluate(axe);
      expect(await found(RULES)).toEqual([]);
      await tab.emulateMedia({ colorScheme: 'dark' });
      expect(await found(['color-contrast'])).toEqual([]);
      await tab.setViewportSize(ZOOMED);
      expect(await widthOf(tab)).toBe(ZOOMED.width);
      await tab.setViewportSize(PHONE);
      expect(await found(OF_LOOKS)).toEqual([]);
      expect(await widthOf(tab)).toBe(PHONE.width);
      // German has the longest words; the others take turns.
      await watched.setViewportSize({ width: 320, height: 700 });
      for (const language of ['de', index % 2 === 0 ? 'es' : 'zh']) {
        await watched.goto(`${url}${url.includes('?') ? '&' : '?'}lang=${language}`);
        expect({ language, width: await widthOf(watched) }).toEqual({ language, width: 320 });
      }
      const plain = await world.owner.open(path);
      expect(plain.html).toContain('<h1>');
    });
  },
);

describe('by keyboard', () => {
  const focused = () =>
    tab.evaluate<string>('document.activeElement.id || document.activeElement.textContent.trim()');

  test('keys search, go and list, are silent in fields, and can be turned off', async () => {
    await tab.setViewportSize(DESKTOP);
    await tab.goto(`${provider.url}/admin`);
    await tab.keyboard.press('/');
    expect(await focused()).toBe('q');
    await tab.keyboard.type('gs?');
    expect(await tab.locator('#q').inputValue()).toBe('gs?');
    await tab.locator('#q').blur();
    await tab.keyboard.press('?');
    expect(await tab.locator('dialog').isVisible()).toBe(true);
    await tab.keyboard.press('Escape');
    await tab.keyboard.press('g');
    await tab.keyboard.press('h');
    await tab.waitForURL(`${provider.url}/admin`);
    await tab.goto(`${provider.url}/admin/settings`);
    await tab.keyboard.press('j');
    await tab.keyboard.press('j');
    await tab.keyboard.press('k');
    await tab.keyboard.press('Enter');
    await tab.waitForURL(/\/admin\/settings\/.+/);
    await tab.goto(`${provider.url}/admin/shortcuts`);
    await tab.getByRole('button', { name: 'Turn off' }).click();
    await tab.getByText('Single-key shortcuts are off.').waitFor();
    await tab.keyboard.press('/');
    expect(await focused()).not.toBe('q');
    await tab.keyboard.press('Control+k');
    expect(await focused()).toBe('q');
    await tab.goto(`${provider.url}/admin/shortcuts`);
    await tab.getByRole('button', { name: 'Turn on' }).click();
    await tab.getByText('Single-key shortcuts are on.').waitFor();
  });

  test('the first step leads past the navigation', async () => {
    await tab.goto(`${provider.url}/admin/settings`);
    await tab.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await tab.keyboard.press('Enter');
    expect(await focused()).toBe('content');
  });
});
