import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { signIn } from '../oidc/support/flow.ts';
import { startProvider, type Provider } from '../oidc/support/provider.ts';
import { launchBrowser } from '../support/browser.ts';
import { enterTab, PAGES } from './support/pages.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
describe('axe finds no violations, and no page is wider than a phone', () => {
  let provider: Provider;
  let tab: Page;
  beforeAll(async () => {
    provider = await startProvider();
    const browser = await launchBrowser();
    const person = await provider.createPerson();
    const client = await provider.createClient();
    await signIn(provider, client, person);
    tab = await enterTab(browser, provider, person);
  });

  test.each(PAGES)('at %s', async (path) => {
    await tab.goto(`${provider.url}${path}`);
    await tab.evaluate(axe);
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const width of [1280, 390, 320]) {
        await tab.setViewportSize({ width, height: 844 });
        const options = JSON.stringify({ runOnly: RULES });
        const { violations } = await tab.evaluate<AxeResults>(`axe.run(${options})`);
        const found = violations.flatMap(({ id, nodes }) =>
          nodes.map(({ target }) => `${id} at ${target.join(' ')}`),
        );
        expect({ path, colorScheme, width, found }).toEqual({ path, colorScheme, width, found: [] });
        expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(width);
      }
    }
  });
});
