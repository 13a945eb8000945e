import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { type MovableTime, movableTime } from '../support/clock.ts';
import { allow, createAccount, newPerson, type Person, shows, signIn } from './support/person.ts';
import { setStage, type Stage } from './support/stage.ts';

describe('an authorization request with', () => {
  const person: Person = newPerson();
  let stage: Stage;
  let time: MovableTime;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    time = await movableTime();
    stage = await setStage('PostgreSQL', time.server);
    const first = await stage.visitor();
    await login(first.page, { prompt: 'create' });
    await createAccount(first.page, stage.letters, person);
    await allow(first.page);
    await first.page.waitForURL(`${stage.webApp}/`);
    await first.context.close();
  });
  beforeEach(async () => {
    ({ context, page } = await stage.visitor());
  });

  const login = (on: Page, parameters: Record<string, string> = {}) =>
    on.goto(`${stage.webApp}/login?${new URLSearchParams(parameters).toString()}`);
  const claim = async (name: string) =>
    page
      .locator('#claims div', { has: page.getByText(name, { exact: true }) })
      .locator('dd')
      .innerText();
  const signedIn = async (parameters: Record<string, string> = {}) => {
    await login(page, parameters);
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
  };

  it('prompt=create shows the form for a new account, with a link to the sign-in', async () => {
    await login(page, { prompt: 'create', login_hint: 'new@example.test' });
    await shows(page, 'Create your account');
    expect(await page.getByLabel('Email', { exact: true }).inputValue()).toBe('new@example.test');
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await signIn(page, person);
    await page.waitForURL(`${stage.webApp}/`);
    await shows(page, `Hello, ${person.name}`);
  });

  it('login_hint fills in the field', async () => {
    await login(page, { login_hint: person.username });
    expect(await page.getByLabel('Email or username').inputValue()).toBe(person.username);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${stage.webApp}/`);
  });

  it('prompt=none returns login_required if nobody is signed in', async () => {
    await login(page, { prompt: 'none' });
    await page.getByText('login_required').waitFor();
    await signedIn();
    await login(page, { prompt: 'none' });
    await page.waitForURL(`${stage.webApp}/`);
    await shows(page, `Hello, ${person.name}`);
  });

  it('prompt=login or an exceeded max_age asks for the person’s password', async () => {
    await signedIn({ max_age: '3600' });
    const first = Number(await claim('auth_time'));
    // `auth_time` has whole seconds.
    const steps = [
      { wait: 1.1, parameters: { prompt: 'login', max_age: '3600' } },
      { wait: 0, parameters: { max_age: '0' } },
      { wait: 2.1, parameters: { max_age: '1' } },
    ];
    for (const { wait, parameters } of steps) {
      await time.advance(wait);
      await login(page, parameters);
      expect(await page.getByLabel('Email or username').inputValue()).toBe(person.email);
      await page.getByLabel('Password', { exact: true }).fill(person.password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(`${stage.webApp}/`);
      expect(Number(await claim('auth_time'))).toBeGreaterThan(first);
    }
    await login(page, { max_age: '3600' });
    await page.waitForURL(`${stage.webApp}/`);
  });

  it('prompt=consent asks for consent again', async () => {
    await signedIn();
    await login(page, { prompt: 'consent' });
    await shows(page, /^Ledger wants to use/);
    await allow(page);
    await page.waitForURL(`${stage.webApp}/`);
  });

  it('claims returns those claims', async () => {
    await signedIn();
    await login(page, { claims: JSON.stringify({ id_token: { email: null } }) });
    await allow(page);
    await page.waitForURL(`${stage.webApp}/`);
    expect(await claim('email')).toBe(person.email);
  });

  it.each([
    ['de', 'Anmelden'],
    ['es-MX es', 'Iniciar sesión'],
    ['zh', '登录'],
    ['fr tlh', 'Sign in'],
  ])('ui_locales=%s uses this language for the pages', async (locales, title) => {
    await login(page, { ui_locales: locales });
    await shows(page, title);
  });

  it('no ui_locales uses the browser’s language', async () => {
    const german = await stage.visitor({ locale: 'de-AT' });
    await login(german.page);
    expect(await german.page.locator('html').getAttribute('lang')).toBe('de');
  });

  it('no consent is answered by access_denied, at the sign-in and at the consent page', async () => {
    await login(page);
    await page.getByRole('button', { name: /^Cancel/ }).click();
    await page.getByText('access_denied').waitFor();
    expect(page.url()).toContain(stage.webApp);

    const fresh = newPerson();
    await login(page, { prompt: 'create' });
    await createAccount(page, stage.letters, fresh);
    await page.getByRole('button', { name: 'Don’t allow' }).click();
    await page.getByText('access_denied').waitFor();
    // Consent that was denied is asked for again.
    await login(page);
    await shows(page, /^Ledger wants to use/);
    await allow(page);
    await page.waitForURL(`${stage.webApp}/`);
    await context.close();
  });
});
