/**
 * Every page of the console in a browser: axe, wide and narrow, dark, zoomed, translated, without scripts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { launchBrowser } from '../support/browser.ts';
import { PAGES, type World } from './pages.ts';
import { enterConsole, tabOf } from './support/operators.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Pages take turns: what they share is seen in every look, language and theme. */
const LOOKS = [
  { width: 1280, colorScheme: 'light', language: 'de' },
  { width: 360, colorScheme: 'dark', language: 'en' },
  { width: 1280, colorScheme: 'dark', language: 'es' },
  { width: 360, colorScheme: 'light', language: 'zh' },
] as const;
/** The smallest screen, a phone, and a desktop at 200 %. */
const NARROW = [320, 360, 640];
const HEIGHT = 900;

let provider: Provider;
let world: World;
/** A tab of an owner. */
let tab: Page;
const complaints: string[] = [];

beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  const [owner, person, browser] = await Promise.all([
    enterConsole(provider, 'owner'),
    provider.createPerson(),
    launchBrowser(),
  ]);
  world = { provider, owner, person };
  tab = await tabOf(browser, owner);
  tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  tab.on('pageerror', (error) => complaints.push(error.message));
});

afterAll(() => {
  // The page that does not exist is reported in the browser's console too.
  expect(complaints.filter((text) => !text.includes('status of 404'))).toEqual([]);
});

/** The violations that axe finds on the current page. */
async function found(): Promise<string[]> {
  await tab.evaluate(axe);
  const options = JSON.stringify({ runOnly: RULES, resultTypes: ['violations'], preload: false });
  const { violations } = await tab.evaluate<AxeResults>(`axe.run(${options})`);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id} at ${target.join(' ')}`));
}

describe.each(PAGES.map((page, index) => ({ ...page, index })))(
  '$heading',
  ({ path: find, heading, index }) => {
    test(typeof find === 'string' ? find : String(index), async () => {
      const path = typeof find === 'string' ? find : await find(world);
      const { width, colorScheme, language } = LOOKS[index % LOOKS.length]!;
      await tab.emulateMedia({ colorScheme });
      await tab.setViewportSize({ width, height: HEIGHT });
      await tab.goto(`${provider.url}/admin${path}${path.includes('?') ? '&' : '?'}lang=${language}`);
      expect(await found()).toEqual([]);
      for (const narrow of NARROW) {
        await tab.setViewportSize({ width: narrow, height: HEIGHT });
        expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(narrow);
      }
      // Without scripts.
      const { html } = await world.owner.open(path);
      const [, title = ''] = /<h1>(.*?)<\/h1>/s.exec(html) ?? [];
      expect(title).toContain(heading);
    });
  },
);

describe('the console by keyboard', () => {
  const focused = () =>
    tab.evaluate<string>('document.activeElement.id || document.activeElement.textContent.trim()');

  test('has single keys for search, navigation and lists, which do nothing in fields and can be turned off', async () => {
    await tab.setViewportSize({ width: 1280, height: HEIGHT });
    await tab.goto(`${provider.url}/admin?lang=en`);
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

  test('has a first link that skips the navigation', async () => {
    await tab.goto(`${provider.url}/admin/settings`);
    await tab.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await tab.keyboard.press('Enter');
    expect(await focused()).toBe('content');
  });
});
