import { expectStatus } from '../client/connection.ts';
import type { Scenario } from './scenario.ts';

const BASE = '/api/v1/auth';

/** Token validation by an API gateway on each request, at the contract `gateway`. */
export const validate: Scenario = async ({ people }, connection, index) => {
  const { username, password } = people[index % people.length]!;
  const login = await connection.post(`${BASE}/login`, { json: { username, password } });
  expectStatus(login, 200, 'login');
  const { accessToken: token } = JSON.parse(login.body) as { accessToken: string };
  return async () => {
    const reply = await connection.post(`${BASE}/validate`, { json: { token } });
    expectStatus(reply, 200, 'validate');
    if (!reply.body.includes('"valid":true')) throw new Error(`not valid: ${reply.body}`);
  };
};

/** Echoes a body of the same length. */
export const echo: Scenario = async (_target, connection) => {
  const json = { token: 'x'.repeat(700) };
  return async () => expectStatus(await connection.post('/echo', { json }), 200, 'echo');
};
