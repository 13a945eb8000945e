import type { Browser, Page } from 'playwright-core';
import type { Person, Provider } from '../../oidc/support/provider.ts';

/** The account pages. */
export const PAGES = [
  '',
  'profile',
  'email',
  'password',
  'factors',
  'sessions',
  'apps',
  'requests',
  'activity',
  'data',
  'delete',
].map((page) => `/account/${page}`.replace(/\/$/, ''));

/** Signs in without an app, in a tab of a browser. */
export async function enterTab(
  browser: Browser,
  { url }: Pick<Provider, 'url'>,
  { email, password }: Person,
  start = '/account',
): Promise<Page> {
  const tab = await (await browser.newContext({ bypassCSP: true })).newPage();
  await tab.goto(`${url}${start}`);
  await tab.getByLabel('Email or username').fill(email);
  await tab.getByLabel('Password', { exact: true }).fill(password);
  await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
  await tab.waitForURL(`${url}${start}`);
  return tab;
}
