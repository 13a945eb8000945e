import { randomInt } from 'node:crypto';
import { basic, type Connection, expectAccepted, expectStatus } from '../client/connection.ts';
import { signIn } from '../client/sign-in.ts';
import { newStranger } from '../client/stranger.ts';
import type { Target } from '../client/target.ts';
import { accountOf, type Size, tokenOf, usernameOf } from '../size/seed.ts';
import { CONNECTIONS, endpoints, type Scenario } from './scenario.ts';

/** People per connection: enough that each request reads other rows. */
const OF_CONNECTION = 20;

/** What the database was filled with. @throws when it was not filled. */
function sizeOf({ size }: Target): Size {
  if (!size) throw new Error('the target has no seeded accounts');
  return size;
}

/** A random account. */
const anyone = (target: Target): number => 1 + randomInt(sizeOf(target).accounts);

/** Cycles through `items`. */
function inTurn<T>(items: T[]): () => { item: T; replace: (next: T) => void } {
  let turn = 0;
  return () => {
    const index = turn++ % items.length;
    return { item: items[index]!, replace: (next) => (items[index] = next) };
  };
}

async function refreshed({ web }: Target, connection: Connection, token: string) {
  const reply = await connection.post(endpoints.token, {
    headers: { authorization: basic(web.id, web.secret) },
    form: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }),
  });
  if (reply.status === 400) return null;
  expectStatus(reply, 200, 'refresh');
  return JSON.parse(reply.body) as { refresh_token: string; access_token: string };
}

/** Refresh tokens of random people for this connection alone. Each is refreshed once, so that its rows are cached. */
async function tokensOf(target: Target, connection: Connection, index: number) {
  const size = sizeOf(target);
  const found = new Map<number, NonNullable<Awaited<ReturnType<typeof refreshed>>>>();
  while (found.size < OF_CONNECTION) {
    const grant = randomInt(Math.floor(size.sessions / CONNECTIONS)) * CONNECTIONS + index;
    // Skip tokens that an earlier run has used.
    const tokens = found.has(grant) ? null : await refreshed(target, connection, tokenOf(grant, size));
    if (tokens) found.set(grant, tokens);
  }
  return [...found.values()];
}

/** A password login on the hosted page, each time by another person. */
export const sizeLogin: Scenario = async (target, connection) => {
  const { password } = target.people[0]!;
  const stranger = await newStranger(target, connection);
  return async () => {
    const message = stranger.form({ identifier: usernameOf(anyone(target)), password });
    expectAccepted(await connection.post('/sign-in', message), 'login');
  };
};

/** Refresh with rotation, one token after another. */
export const sizeRefresh: Scenario = async (target, connection, index) => {
  const next = inTurn((await tokensOf(target, connection, index)).map((tokens) => tokens.refresh_token));
  return async () => {
    const { item, replace } = next();
    const tokens = await refreshed(target, connection, item);
    if (!tokens) throw new Error('a refresh token was refused');
    replace(tokens.refresh_token);
  };
};

/** Introspection of refresh and access tokens, alternating. */
export const sizeIntrospection: Scenario = async (target, connection, index) => {
  const { id, secret } = target.web;
  const tokens = (await tokensOf(target, connection, index)).flatMap((both) => [
    both.refresh_token,
    both.access_token,
  ]);
  const next = inTurn(tokens);
  return async () => {
    const reply = await connection.post(endpoints.introspection, {
      headers: { authorization: basic(id, secret) },
      form: new URLSearchParams({ token: next().item }).toString(),
    });
    expectStatus(reply, 200, 'introspection');
    if (!reply.body.includes('"active":true')) throw new Error(`not active: ${reply.body}`);
  };
};

/** Authorization code flow of signed-in people. */
export const sizeCodeFlow: Scenario = async (target, connection) => {
  const { password } = target.people[0]!;
  const username = usernameOf(anyone(target));
  const { authorize, exchange } = await signIn(
    { ...target, people: [{ username, password }] },
    connection,
    0,
  );
  return async () => {
    const { id_token } = await exchange(await authorize({ scope: 'openid' }));
    if (!id_token) throw new Error('the code flow brought no ID token');
  };
};

/** An operator revokes one person's sessions, then all grants with their tokens, each time of another person. */
export const sizeRevocation: Scenario = async (target, connection) => {
  const [, operator = ''] = target.services.ids;
  const reply = await connection.post(endpoints.token, {
    headers: { authorization: basic(operator, target.services.secret) },
    form: new URLSearchParams({ grant_type: 'client_credentials', scope: 'sessions:write' }),
  });
  expectStatus(reply, 200, 'a token');
  const { access_token: token } = JSON.parse(reply.body) as { access_token: string };
  const headers = { authorization: `Bearer ${token}` };
  return async () => {
    const person = `/api/v2/users/${accountOf(anyone(target))}`;
    expectStatus(await connection.delete(`${person}/sessions`, { headers }), 200, 'end of sessions');
    expectStatus(await connection.delete(`${person}/apps`, { headers }), 200, 'end of apps');
  };
};
