import { Browser } from '../client/browser.ts';
import { personAt } from '../client/sign-in.ts';
import type { Scenario } from './scenario.ts';

/** The page that people sign in on: of all pages the least work. */
export const signInPage: Scenario = async (target, connection) => {
  const browser = new Browser(target, connection);
  return async () => {
    await browser.open('/sign-in');
  };
};

/** The account page of somebody who is signed in. A page leaves in one write: its last byte comes with its first. */
export const accountPage: Scenario = async (target, connection, index) => {
  const browser = new Browser(target, connection);
  const { username, password } = personAt(target, index);
  await browser.submit(await browser.open('/sign-in'), { identifier: username, password });
  return async () => {
    const { html } = await browser.open('/account');
    if (!html.includes(username)) throw new Error('this is not the account page');
  };
};
