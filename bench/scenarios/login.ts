import { expectAccepted, expectStatus } from '../client/connection.ts';
import { personAt } from '../client/sign-in.ts';
import { newStranger } from '../client/stranger.ts';
import type { Scenario } from './scenario.ts';

/**
 * A password login on the hosted page, as a browser without JavaScript sends it: fetches the form once with its
 * cookie, then posts it repeatedly while signed out.
 */
export const login: Scenario = async (target, connection, index) => {
  const { username, password } = personAt(target, index);
  const stranger = await newStranger(target, connection);
  const message = stranger.form({ identifier: username, password });
  return async () => expectAccepted(await connection.post('/sign-in', message), 'login');
};

/** Verifies the same password with argon2 alone. */
export const hash: Scenario = async (target, connection, index) => {
  const form = new URLSearchParams({ ...personAt(target, index) }).toString();
  return async () => expectStatus(await connection.post('/verify', { form }), 204, 'argon2');
};
