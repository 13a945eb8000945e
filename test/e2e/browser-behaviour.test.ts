import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { BrowserContext, Page } from 'playwright-core';
import { runCli } from '../support/postern.ts';
import { startWebApp } from '../../demo/web-app/server.ts';
import { freePort } from '../support/ports.ts';
import { atEnd } from '../support/cleanup.ts';
import { allow, createAccount, newPerson, type Person, shows, signIn } from './support/person.ts';
import { setStage, type Stage } from './support/stage.ts';

describe('people with browsers', () => {
  const person: Person = newPerson();
  let stage: Stage;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    stage = await setStage('PostgreSQL and Redis');
    const first = await stage.visitor();
    await first.page.goto(`${stage.webApp}/login?prompt=create`);
    await createAccount(first.page, stage.letters, person);
    await allow(first.page);
    await first.page.waitForURL(`${stage.webApp}/`);
    await first.context.close();
  });
  beforeEach(async () => {
    ({ context, page } = await stage.visitor());
  });

  it('go back after signing in without getting stuck', async () => {
    await page.goto(stage.webApp);
    await page.getByRole('link', { name: 'Sign in with Postern' }).click();
    const form = page.url();
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
    await page.goBack();
    await page.goto(form);
    await shows(page, 'You are signed in already');
    await page.getByRole('link', { name: /^Go to / }).click();
    await page.waitForURL(`${stage.webApp}/`);
    await shows(page, `Hello, ${person.name}`);
    await page.goto(`${stage.webApp}/login`);
    await page.waitForURL(`${stage.webApp}/`);
    await shows(page, `Hello, ${person.name}`);
  });

  it('open the page of somebody else’s sign-in, which is refused', async () => {
    await page.goto(`${stage.webApp}/login`);
    const stranger = await stage.visitor();
    const reply = await stranger.page.goto(page.url());
    expect(reply?.status()).toBeLessThan(500);
    await shows(stranger.page, 'Let’s start over');
    // It still works in the browser that it belongs to.
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
  });

  it('leave the sign-in open until it has expired', async () => {
    await page.goto(`${stage.webApp}/login`);
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    const redis = new Redis(stage.postern.env['REDIS_URL'] ?? '');
    await redis.flushdb();
    redis.disconnect();
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    // The authorization request is started again.
    await page.waitForURL(/\/interaction\/[^/]+$/);
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
  });

  it('sign in to two apps in two tabs at once', async () => {
    const other = await context.newPage();
    await page.goto(`${stage.webApp}/login`);
    await other.goto(stage.spa);
    await other.getByRole('button', { name: 'Sign in with Postern' }).click();
    await other.getByLabel('Email or username').waitFor();
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
    await signIn(other, person);
    await allow(other);
    await shows(other, `Hello, ${person.name}`);
    // Neither session replaced the other.
    await page.getByRole('button', { name: 'Refresh' }).click();
    expect(await page.locator('#refreshes').innerText()).toBe('1');
    await other.getByRole('button', { name: 'Refresh' }).click();
    await other.locator('#refreshes', { hasText: '1' }).waitFor();
  });

  it('open the sign-in of one app in two tabs', async () => {
    const other = await context.newPage();
    await page.goto(`${stage.webApp}/login`);
    await other.goto(`${stage.webApp}/login`);
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
    await signIn(other, person);
    await other.waitForURL(`${stage.webApp}/`);
    await shows(other, `Hello, ${person.name}`);
  });

  it('press the button twice', async () => {
    await page.goto(`${stage.webApp}/login`);
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).dblclick();
    await page.waitForURL(`${stage.webApp}/`);
    await page.goto(`${stage.webApp}/login`);
    await page.waitForURL(`${stage.webApp}/`);
    await shows(page, `Hello, ${person.name}`);
  });

  it('mistype the password and see a message on the page', async () => {
    await page.goto(`${stage.webApp}/login`);
    await signIn(page, { ...person, password: 'three unrelated birds' });
    await page.getByRole('alert').waitFor();
    expect(await page.getByLabel('Email or username').inputValue()).toBe(person.email);
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('');
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${stage.webApp}/`);
  });

  it('mistype the password, open the page for a forgotten one, and go back: no form is sent again', async () => {
    await page.goto(`${stage.webApp}/login`);
    await signIn(page, { ...person, password: 'three unrelated birds' });
    await page.getByRole('alert').waitFor();
    await page.getByRole('link', { name: 'Forgot password?' }).click();
    await page.getByLabel('Email or username').fill(person.email);
    await page.getByRole('button', { name: 'Send link' }).click();
    await shows(page, 'Check your mail');
    await page.reload();
    await shows(page, 'Check your mail');
    await page.goBack();
    await shows(page, 'Forgot your password?');
    await page.goBack();
    await shows(page, 'Sign in');
    expect(await page.getByLabel('Email or username').inputValue()).toBe(person.email);
    await page.reload();
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
  });

  it.each([true, false])(
    'mistype the password in two tabs at once (JavaScript: %s), and each shows its own message',
    async (javaScriptEnabled) => {
      const { context: browser } = await stage.visitor({ javaScriptEnabled });
      const names = ['first@example.test', 'second@example.test', 'third@example.test'];
      const tabs = await Promise.all(names.map(() => browser.newPage()));
      for (const tab of tabs) await tab.goto(`${stage.postern.url}/sign-in`);
      for (let round = 0; round < 3; round += 1) {
        await Promise.all(
          tabs.map(async (tab, index) => {
            const before = tab.url();
            await signIn(tab, { ...person, email: names[index] ?? '', password: 'wrong' });
            await tab.waitForURL((url) => url.href !== before);
          }),
        );
        for (const [index, tab] of tabs.entries()) {
          await tab.getByRole('alert').waitFor();
          expect(await tab.getByLabel('Email or username').inputValue()).toBe(names[index]);
        }
      }
      // Tabs leave a bounded number of cookies, and the URL alone opens nothing in another browser.
      const left = (await browser.cookies(`${stage.postern.url}/sign-in`)).filter(({ name }) =>
        name.startsWith('postern_flash_'),
      );
      expect(left.length).toBeLessThanOrEqual(4 + tabs.length);
      await page.goto(tabs[0]?.url() ?? '');
      expect(await page.getByLabel('Email or username').inputValue()).toBe('');
      await browser.close();
    },
  );

  it('have no JavaScript, and everything works', async () => {
    const plain = await stage.visitor({ javaScriptEnabled: false });
    const fresh = newPerson();
    await plain.page.goto(stage.webApp);
    await plain.page.getByRole('link', { name: 'Create an account' }).click();
    await createAccount(plain.page, stage.letters, fresh);
    await allow(plain.page);
    await plain.page.waitForURL(`${stage.webApp}/`);
    await shows(plain.page, 'Hello, Ada Lovelace');
    await plain.page.getByRole('button', { name: 'Sign out' }).click();
    await plain.page.waitForURL(`${stage.webApp}/`);
    await plain.page.getByRole('link', { name: 'Sign in with Postern' }).click();
    await signIn(plain.page, fresh);
    await plain.page.waitForURL(`${stage.webApp}/`);
    await shows(plain.page, 'Hello, Ada Lovelace');
  });

  it('sign in at Postern itself, and apps then need no password', async () => {
    await page.goto(stage.postern.url);
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await signIn(page, person);
    await page.waitForURL(`${stage.postern.url}/account`);
    await page.goto(stage.postern.url);
    await shows(page, 'You are signed in');
    await page.goto(`${stage.webApp}/login`);
    await page.waitForURL(`${stage.webApp}/`);
    await shows(page, `Hello, ${person.name}`);
    await page.goto(stage.postern.url);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await shows(page, 'One account for all your apps');
  });

  it('switch to another account during a sign-in', async () => {
    const other = newPerson();
    await page.goto(`${stage.postern.url}/register`);
    await createAccount(page, stage.letters, other);
    await page.goto(`${stage.webApp}/login`);
    expect(await page.locator('main').innerText()).toContain(other.email);
    await page.getByText('Switch account').click();
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
    expect(await page.locator('#profile').innerText()).toContain(person.email);
  });

  it('are not asked for consent by a first-party app', async () => {
    const port = await freePort();
    const uri = `http://localhost:${port}/callback`;
    const { stdout } = await runCli(
      ['client', 'create', '--json', '--name', 'House', '--first-party', '--redirect-uri', uri],
      { env: stage.postern.env },
    );
    const { client_id: clientId, client_secret: clientSecret } = JSON.parse(stdout) as Record<string, string>;
    const house = await startWebApp({
      issuer: stage.postern.url,
      clientId: clientId ?? '',
      clientSecret: clientSecret ?? '',
      port,
    });
    atEnd(() => house.close());
    await page.goto(`${house.url}/login`);
    await signIn(page, person);
    await page.waitForURL(`${house.url}/`);
    await shows(page, `Hello, ${person.name}`);
  });
});
