import { generateSync } from 'otplib';
import { expectAccepted, expectStatus } from '../client/connection.ts';
import { newStranger } from '../client/stranger.ts';
import type { Factors } from '../client/target.ts';
import type { Scenario } from './scenario.ts';

/** Seconds of a time step (RFC 6238). */
const STEP = 30;

/** Counts over all connections and rounds. */
let turn = 0;
const lastSteps = new Map<number, number>();

/** The next person with an unused code, of the current time step or the next. */
function nextLogin({ people, totpSecret: secret }: Factors) {
  const index = turn++ % people.length;
  const now = Math.floor(Date.now() / 1000 / STEP);
  const step = Math.max(now, (lastSteps.get(index) ?? 0) + 1);
  if (step > now + 1) throw new Error('logins came so fast that no unused code is left');
  lastSteps.set(index, step);
  return { person: people[index]!, code: generateSync({ secret, epoch: step * STEP }) };
}

/**
 * A login with a password and a TOTP code: posts the first form, fetches the page of the second factor, posts that
 * form.
 */
export const loginTotp: Scenario = async (target, connection) => {
  const stranger = await newStranger(target, connection);
  return async () => {
    const { person, code } = nextLogin(target.factors);
    const { username: identifier, password } = person;
    const first = await connection.post('/sign-in', stranger.form({ identifier, password }));
    expectAccepted(first, 'password');
    const [pending = ''] = first.cookies;
    const verify = '/sign-in/verify';
    expectStatus(await connection.get(verify, { headers: stranger.headers(pending) }), 200, verify);
    expectAccepted(await connection.post(verify, stranger.form({ code }, pending)), 'code');
  };
};
