import { basic, type Connection, expectStatus } from '../client/connection.ts';
import { signIn } from '../client/sign-in.ts';
import type { Target } from '../client/target.ts';
import { endpoints, type Scenario } from './scenario.ts';

function introspect(connection: Connection, id: string, secret: string, token: string) {
  const message = {
    headers: { authorization: basic(id, secret) },
    form: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
  };
  return async () => {
    const reply = await connection.post(endpoints.introspection, message);
    expectStatus(reply, 200, 'introspection');
    if (!reply.body.includes('"active":true')) throw new Error(`not active: ${reply.body}`);
  };
}

/** Introspection (RFC 7662) of a user's opaque access token. */
export const introspectOpaque: Scenario = async (target, connection, index) => {
  const { authorize, exchange } = await signIn(target, connection, index);
  const { access_token: token } = await exchange(await authorize({ scope: 'openid' }));
  return introspect(connection, target.web.id, target.web.secret, token);
};

/** Introspection of a JWT access token, which the bare library refuses. */
export const introspectJwt: Scenario = async (target, connection) => {
  const { id, secret } = firstService(target);
  const reply = await connection.post(endpoints.token, {
    headers: { authorization: basic(id, secret) },
    form: new URLSearchParams({ grant_type: 'client_credentials', resource: target.apis.jwt }),
  });
  expectStatus(reply, 200, 'client credentials');
  const { access_token: token } = JSON.parse(reply.body) as { access_token: string };
  return introspect(connection, id, secret, token);
};

function firstService({ services }: Target): { id: string; secret: string } {
  const [id] = services.ids;
  if (id === undefined) throw new Error('the target has no client for client credentials');
  return { id, secret: services.secret };
}
