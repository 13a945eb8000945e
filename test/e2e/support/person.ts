import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import type { Letters } from '../../account/support/mail.ts';

export interface Person {
  name: string;
  username: string;
  email: string;
  password: string;
}

export function newPerson(): Person {
  const username = `ada-${randomBytes(5).toString('hex')}`;
  return {
    name: 'Ada Lovelace',
    username,
    email: `${username}@example.test`,
    password: 'three unrelated words',
  };
}

/**
 * Creates an account, from the page that asks for an address: opens the mailed link in the same browser and
 * fills in
 * the rest.
 */
export async function createAccount(page: Page, letters: Letters, person: Person): Promise<void> {
  await openLink(page, letters, person);
  await fillIn(page, person);
}

/** First part: up to the form for everything but the address. */
export async function openLink(page: Page, letters: Letters, { email }: Person): Promise<void> {
  await page.getByLabel('Email', { exact: true }).fill(email);
  await page.getByRole('button', { name: 'Continue' }).click();
  await shows(page, 'Check your mail');
  await page.goto(new URL(await letters.link(email, '/verify-email'), page.url()).href);
}

/** Second part. */
export async function fillIn(page: Page, { name, username, password }: Person): Promise<void> {
  await page.getByLabel('Full name').fill(name);
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
  // The script checks the form before it is sent.
  await page.getByLabel('Username').waitFor({ state: 'detached' });
}

/** Fills in and sends the sign-in page. */
export async function signIn(page: Page, { email, password }: Person): Promise<void> {
  await page.getByLabel('Email or username').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

export const allow = (page: Page): Promise<void> =>
  page.getByRole('button', { name: 'Allow', exact: true }).click();

/** Waits for a page with this heading. */
export const shows = (page: Page, name: string | RegExp): Promise<void> =>
  page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
