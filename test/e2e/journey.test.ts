import { beforeAll, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { allow, createAccount, newPerson, type Person, shows, signIn } from './support/person.ts';
import { setStage, type Stage, STORES } from './support/stage.ts';

/** The tokens as the SPA stores them. */
const storedUser = (page: Page): Promise<{ refresh_token: string; access_token: string }> =>
  page.evaluate(() => {
    const key = Object.keys(localStorage).find((name) => name.startsWith('oidc.user:')) ?? '';
    return JSON.parse(localStorage.getItem(key) ?? '{}') as { refresh_token: string; access_token: string };
  });

const refreshes = (page: Page) => page.locator('#refreshes').innerText();

describe.each(STORES)('one person with three relying parties on %s', (stores) => {
  const person: Person = newPerson();
  let stage: Stage;
  let context: BrowserContext;
  let ledger: Page;
  let atlas: Page;
  beforeAll(async () => {
    stage = await setStage(stores);
    ({ context, page: ledger } = await stage.visitor());
    atlas = await context.newPage();
  });

  it('creates an account on the way to the web app, consents, and returns signed in', async () => {
    await ledger.goto(stage.webApp);
    await ledger.getByRole('link', { name: 'Sign in with Postern' }).click();
    await ledger.getByRole('link', { name: 'Create account' }).click();
    await createAccount(ledger, stage.letters, person);
    await shows(ledger, /^Ledger wants to use/);
    await allow(ledger);
    await ledger.waitForURL(`${stage.webApp}/`);
    await shows(ledger, 'Hello, Ada Lovelace');
    const profile = await ledger.locator('#profile').innerText();
    expect(profile).toContain(person.email);
    expect(profile).toContain(person.username);
    expect(profile).not.toContain('password');
  });

  it('has the web app refresh its tokens', async () => {
    await ledger.getByRole('button', { name: 'Refresh' }).click();
    await expect(refreshes(ledger)).resolves.toBe('1');
    await ledger.getByRole('button', { name: 'Refresh' }).click();
    await expect(refreshes(ledger)).resolves.toBe('2');
    expect(await ledger.locator('#profile').innerText()).toContain(person.email);
  });

  it('signs in to the SPA without a password and consents once', async () => {
    await atlas.goto(stage.spa);
    await atlas.getByRole('button', { name: 'Sign in with Postern' }).click();
    await shows(atlas, /^Atlas wants to use/);
    await allow(atlas);
    await shows(atlas, 'Hello, Ada Lovelace');
    expect(new URL(atlas.url()).search).toBe('');
    expect(await atlas.locator('#profile').innerText()).toContain(person.email);
  });

  it('stays signed in at the SPA across reloads, with a rotating refresh token', async () => {
    const before = await storedUser(atlas);
    await atlas.getByRole('button', { name: 'Refresh' }).click();
    await atlas.locator('#refreshes', { hasText: '1' }).waitFor();
    const after = await storedUser(atlas);
    expect(after.refresh_token).not.toBe(before.refresh_token);
    expect(after.access_token).not.toBe(before.access_token);
    await atlas.reload();
    await shows(atlas, 'Hello, Ada Lovelace');
    await atlas.getByRole('button', { name: 'Refresh' }).click();
    await atlas.locator('#refreshes', { hasText: '1' }).waitFor();
  });

  it('is not signed out if two tabs refresh at once', async () => {
    const other = await context.newPage();
    await other.goto(stage.spa);
    await shows(other, 'Hello, Ada Lovelace');
    const tabs = [atlas, other];
    for (let round = 0; round < 3; round += 1) {
      const counts = await Promise.all(tabs.map(refreshes));
      await Promise.all(tabs.map((tab) => tab.getByRole('button', { name: 'Refresh' }).click()));
      await Promise.all(
        tabs.map((tab, index) =>
          tab.locator('#refreshes', { hasText: String(Number(counts[index]) + 1) }).waitFor(),
        ),
      );
    }
    for (const tab of tabs) {
      expect(await tab.locator('#problem').isHidden()).toBe(true);
      await shows(tab, 'Hello, Ada Lovelace');
    }
    await other.close();
  });

  it('is not involved when the service account gets its token, which has only its scopes', async () => {
    const { page } = await stage.visitor();
    await page.goto(stage.service);
    expect(await page.locator('.status').allInnerTexts()).toEqual(['200', '403', '401']);
    const text = await page.locator('main').innerText();
    expect(text).toContain('insufficient_scope');
    expect(text).toContain('invalid_token');
    expect(text).toContain(stage.clients.service.clientId);
  });

  it('does not notice a restart', async () => {
    const keys = async () => (await fetch(`${stage.postern.url}/oauth2/jwks`)).json();
    const before = await keys();
    await stage.restart();
    expect(await keys()).toEqual(before);

    const own = await context.newPage();
    await own.goto(stage.postern.url);
    await shows(own, 'You are signed in');
    await own.close();
    await ledger.getByRole('button', { name: 'Refresh' }).click();
    await expect(refreshes(ledger)).resolves.toBe('3');
    const count = await refreshes(atlas);
    await atlas.getByRole('button', { name: 'Refresh' }).click();
    await atlas.locator('#refreshes', { hasText: String(Number(count) + 1) }).waitFor();
    // Neither the password nor consent is asked for.
    await ledger.goto(`${stage.webApp}/login`);
    await ledger.waitForURL(`${stage.webApp}/`);
  });

  it('signs out at the web app without a question, which ends the SPA’s tokens too', async () => {
    await ledger.getByRole('button', { name: 'Sign out' }).click();
    await ledger.waitForURL(`${stage.webApp}/`);
    await shows(ledger, 'Ledger');

    await atlas.getByRole('button', { name: 'Refresh' }).click();
    await atlas.getByRole('alert').getByText('Your sign-in has ended').waitFor();
    await shows(atlas, 'Atlas');
    await atlas.goto(stage.postern.url);
    await shows(atlas, 'One account for all your apps');
  });

  it('signs in again without consent, and signs out at the SPA', async () => {
    await atlas.goto(stage.spa);
    await atlas.getByRole('button', { name: 'Sign in with Postern' }).click();
    await signIn(atlas, person);
    await shows(atlas, 'Hello, Ada Lovelace');
    await atlas.getByRole('button', { name: 'Sign out' }).click();
    await atlas.waitForURL(`${stage.spa}/`);
    await atlas.getByRole('button', { name: 'Sign in with Postern' }).waitFor();
  });
});
