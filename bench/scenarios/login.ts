import { formOf } from '../client/browser.ts';
import { expectStatus } from '../client/connection.ts';
import { personAt } from '../client/sign-in.ts';
import type { Scenario } from './scenario.ts';

/**
 * A password login on the hosted page, as a browser without JavaScript sends it: the form is fetched once, with its
 * cookie, and posted again and again by a browser that is not signed in.
 */
export const login: Scenario = async (target, connection, index) => {
  const { username, password } = personAt(target, index);
  const page = await connection.get('/sign-in');
  expectStatus(page, 200, 'sign-in page');
  const { path, fields } = formOf(
    { path: '/sign-in', html: page.body, leftFor: null },
    { identifier: username, password },
  );
  const message = {
    headers: {
      'cookie': page.cookies.map((cookie) => cookie.split(';')[0]).join('; '),
      'origin': target.issuer,
      'sec-fetch-site': 'same-origin',
    },
    form: fields.toString(),
  };
  return async () => expectStatus(await connection.post(path, message), 303, 'login');
};

/** The same password checked by argon2 alone. */
export const hash: Scenario = async (target, connection, index) => {
  const form = new URLSearchParams({ ...personAt(target, index) }).toString();
  return async () => expectStatus(await connection.post('/verify', { form }), 204, 'argon2');
};
