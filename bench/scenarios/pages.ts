import { Browser } from '../client/browser.ts';
import { personAt } from '../client/sign-in.ts';
import type { Scenario } from './scenario.ts';

/** The sign-in page, the cheapest of all pages. */
export const signInPage: Scenario = async (target, connection) => {
  const browser = new Browser(target, connection);
  return async () => {
    await browser.open('/sign-in');
  };
};

/** The account page of a signed-in user. Pages are sent in one write: the last byte arrives with the first. */
export const accountPage: Scenario = async (target, connection, index) => {
  const browser = new Browser(target, connection);
  const { username, password } = personAt(target, index);
  await browser.submit(await browser.open('/sign-in'), { identifier: username, password });
  return async () => {
    const { html } = await browser.open('/account');
    if (!html.includes(username)) throw new Error('this is not the account page');
  };
};
