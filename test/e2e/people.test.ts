import { once } from 'node:events';
import { createServer } from 'node:http';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { authorizationUrl, exchange, signIn as tokensFor } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { launchBrowser } from '../support/browser.ts';
import { atEnd } from '../support/cleanup.ts';
import { freePort } from '../support/ports.ts';
import { shows } from './support/person.ts';

describe('several people in one browser, Chromium:', () => {
  let provider: Provider;
  let client: Client;
  let people: Record<'ada' | 'bob' | 'carol', Person>;
  let newContext: () => Promise<BrowserContext>;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    provider = await startProvider();
    const [ada, bob, carol] = await Promise.all([1, 2, 3].map(() => provider.createPerson()));
    people = { ada, bob, carol } as typeof people;
    const port = await freePort();
    const app = createServer((_, res) => res.end('<title>At the app</title>')).listen(port, '127.0.0.1');
    await once(app, 'listening');
    atEnd(async () => {
      app.closeAllConnections();
      app.close();
    });
    client = await provider.createClient({ redirect_uris: [`http://127.0.0.1:${port}/callback`] });
    const browser = await launchBrowser();
    newContext = () => browser.newContext();
  });
  beforeEach(async () => {
    context = await newContext();
    page = await context.newPage();
  });

  const open = (on: Page, parameters: Record<string, string> = {}) =>
    on.goto(authorizationUrl(provider, client, parameters));
  const enter = async (on: Page, { email, password }: Person): Promise<void> => {
    await on.getByLabel('Email or username').fill(email);
    await on.getByLabel('Password', { exact: true }).fill(password);
    await on.getByRole('button', { name: 'Sign in', exact: true }).click();
  };
  /** Consents if asked. @returns the account that the app gets. */
  const arrives = async (on: Page): Promise<string> => {
    const allow = on.getByRole('button', { name: 'Allow', exact: true });
    await Promise.race([on.waitForURL(/\/callback/), allow.waitFor()]).catch(() => undefined);
    if (!on.url().startsWith(client.redirectUri)) await allow.click();
    await on.waitForURL(/\/callback/);
    const code = new URL(on.url()).searchParams.get('code') ?? '';
    const { body } = await exchange(provider, client, code);
    return JSON.parse(atob(body.id_token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '')).sub;
  };
  const signedIn = async (person: Person): Promise<void> => {
    await open(page);
    await enter(page, person);
    expect(await arrives(page)).toBe(person.id);
  };

  it.each([{ prompt: 'login' }, { max_age: '0' }])('another person signs in after %p', async (asked) => {
    const { ada, bob, carol } = people;
    await signedIn(ada);
    for (const next of [bob, carol, carol, ada]) {
      await open(page, asked);
      await enter(page, next);
      expect(await arrives(page)).toBe(next.id);
    }
  });

  it('an ID token hint for another person fills in their address', async () => {
    const { ada, bob } = people;
    const { id_token: hint } = await tokensFor(provider, client, ada);
    await signedIn(bob);
    await open(page, { id_token_hint: hint });
    expect(await page.getByLabel('Email or username').inputValue()).toBe(ada.email);
    await enter(page, ada);
    expect(await arrives(page)).toBe(ada.id);
  });

  it('an ID token hint for one person fails if another signs in, and nobody is signed out', async () => {
    const { ada, bob, carol } = people;
    const { id_token: hint } = await tokensFor(provider, client, ada);
    await signedIn(bob);
    await open(page, { id_token_hint: hint });
    await enter(page, carol);
    await page.waitForURL(/\/callback/);
    expect(new URL(page.url()).searchParams.get('error')).toBe('login_required');
    await open(page, { id_token_hint: hint, prompt: 'select_account' });
    await page.getByRole('button', { name: 'Continue with this account' }).click();
    expect(await page.getByLabel('Email or username').inputValue()).toBe(ada.email);
    await open(page);
    expect(await arrives(page)).toBe(bob.id);
  });

  it('the account is switched on the consent page', async () => {
    const { ada, bob } = people;
    await signedIn(ada);
    await open(page, { prompt: 'consent' });
    await page.getByText('Switch account').click();
    await enter(page, bob);
    expect(await arrives(page)).toBe(bob.id);
  });

  it('an account is chosen: the current one, or another', async () => {
    const { ada, bob } = people;
    await open(page, { prompt: 'select_account' });
    await enter(page, ada);
    expect(await arrives(page)).toBe(ada.id);
    await open(page, { prompt: 'select_account' });
    await shows(page, 'Choose an account');
    await page.getByRole('button', { name: 'Continue with this account' }).click();
    expect(await arrives(page)).toBe(ada.id);
    await open(page, { prompt: 'select_account consent' });
    await page.getByRole('link', { name: 'Use another account' }).click();
    expect(await page.getByLabel('Email or username').inputValue()).toBe('');
    await enter(page, bob);
    await shows(page, /wants to use/);
    expect(await arrives(page)).toBe(bob.id);
  });

  it('two people sign in in two tabs opened before', async () => {
    const { ada, bob } = people;
    const other = await context.newPage();
    await open(page);
    await open(other);
    await enter(page, ada);
    expect(await arrives(page)).toBe(ada.id);
    await enter(other, bob);
    expect(await arrives(other)).toBe(bob.id);
    await open(page);
    expect(await arrives(page)).toBe(bob.id);
  });

  it('a tab asks one person for the password while another signs in in a second tab', async () => {
    const { ada, bob } = people;
    await signedIn(ada);
    await open(page, { prompt: 'login' });
    const other = await context.newPage();
    await open(other, { prompt: 'login' });
    await enter(other, bob);
    expect(await arrives(other)).toBe(bob.id);
    await enter(page, ada);
    expect(await arrives(page)).toBe(ada.id);
  });

  it.each([
    ['consent', 'Switch account'],
    ['select_account', 'Use another account'],
  ])('a third person signs in by prompt=%s after a second one in another tab', async (prompt, label) => {
    const { ada, bob, carol } = people;
    await signedIn(ada);
    await open(page, { prompt });
    const other = await context.newPage();
    await open(other, { prompt: 'login' });
    await enter(other, bob);
    expect(await arrives(other)).toBe(bob.id);
    await page.getByText(label).click();
    await enter(page, carol);
    expect(await arrives(page)).toBe(carol.id);
  });

  it('nobody consents for a person who signed in in another tab', async () => {
    const { ada, bob } = people;
    await signedIn(ada);
    await open(page, { prompt: 'consent' });
    const other = await context.newPage();
    await open(other, { prompt: 'login' });
    await enter(other, bob);
    expect(await arrives(other)).toBe(bob.id);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    // The page now belongs to Bob and asks him.
    await page.getByText(bob.email).first().waitFor();
    expect(await arrives(page)).toBe(bob.id);
  });

  it('an app on another site posts its authorization request, and the session is still known', async () => {
    const { ada } = people;
    await signedIn(ada);
    for (const padding of ['', 'x'.repeat(9_000)]) {
      const query = new URL(authorizationUrl(provider, client, { prompt: 'none', padding })).searchParams;
      const inputs = [...query].map(([name, value]) => `<input name="${name}" value="${value}">`).join('');
      await page.route('http://site.example.test/', (route) =>
        route.fulfill({
          contentType: 'text/html',
          body: `<form method="post" action="${provider.url}/oauth2/authorize">${inputs}<button>Go</button></form>`,
        }),
      );
      await page.goto('http://site.example.test/');
      await page.getByRole('button', { name: 'Go' }).click();
      expect(await arrives(page)).toBe(ada.id);
    }
  });

  it('a person signs in at Postern itself in place of another', async () => {
    const { ada, bob } = people;
    await signedIn(ada);
    await page.goto(`${provider.url}/sign-in`);
    await enter(page, bob);
    await page.waitForURL(`${provider.url}/account`);
    await open(page);
    expect(await arrives(page)).toBe(bob.id);
  });
});
