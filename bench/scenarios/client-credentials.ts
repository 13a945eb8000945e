import { basic, expectStatus } from '../client/connection.ts';
import { CONNECTIONS, endpoints, type Scenario } from './scenario.ts';

const JWT = /"access_token":"[^".]+\.[^".]+\.[^".]+"/;

/**
 * The client credentials grant (RFC 6749 section 4.4) for the API that `api` names, by the first `clients` clients in
 * turn. Each client has made a request before, so that the first read of a client is not measured.
 */
const clientCredentials =
  (api: 'jwt' | 'opaque', clients: number): Scenario =>
  async (target, connection, index) => {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      resource: target.apis[api],
    }).toString();
    // One client is shared by all connections; of many, each connection has its own.
    const mine = target.services.ids
      .slice(0, clients)
      .filter((_, i) => clients === 1 || i % CONNECTIONS === index);
    const requests = mine.map((id) => ({
      headers: { authorization: basic(id, target.services.secret) },
      form,
    }));
    const ask = async (turn: number) => {
      const reply = await connection.post(endpoints.token, requests[turn % requests.length]!);
      expectStatus(reply, 200, 'client credentials');
      if (JWT.test(reply.body) !== (api === 'jwt')) {
        throw new Error(`not the ${api} token asked for: ${reply.body}`);
      }
    };
    for (let turn = 0; turn < requests.length; turn++) await ask(turn);
    let turn = 0;
    return async () => ask(turn++);
  };

export const jwt = clientCredentials('jwt', 1);
export const jwtOfManyClients = clientCredentials('jwt', 5000);
export const opaque = clientCredentials('opaque', 1);
