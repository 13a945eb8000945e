import { basic, type Connection, expectStatus } from '../client/connection.ts';
import type { Target } from '../client/target.ts';
import { endpoints, type Scenario } from './scenario.ts';

/** A token of a service account that may see and change people and see the audit: each connection has its own account. */
async function tokenOf(target: Target, connection: Connection, index: number): Promise<string> {
  const id = target.services.ids[index + 1] ?? '';
  const reply = await connection.post(endpoints.token, {
    headers: { authorization: basic(id, target.services.secret) },
    form: new URLSearchParams({ grant_type: 'client_credentials', scope: 'users:write audit:read' }),
  });
  expectStatus(reply, 200, 'a token');
  return (JSON.parse(reply.body) as { access_token: string }).access_token;
}

/** Asks for pages of `path`, each with the query that follows, and for the page after it where there is one. */
const pages =
  (path: string, queries: string[]): Scenario =>
  async (target, connection, index) => {
    const headers = { authorization: `Bearer ${await tokenOf(target, connection, index)}` };
    let turn = index;
    let next = '';
    return async () => {
      const query = next === '' ? (queries[turn++ % queries.length] ?? '') : next;
      const reply = await connection.get(`/api/v2/${path}?${query}`, { headers });
      expectStatus(reply, 200, `${path}?${query}`);
      const { next_cursor: cursor } = JSON.parse(reply.body) as { next_cursor: string | null };
      next = next === '' && cursor !== null ? `${query}&cursor=${cursor}` : '';
    };
  };

/** `GET /users` by part of a name, by part of an address, and without a filter; of each the first two pages. */
export const userSearch = pages('users', [
  'search=finch&limit=50',
  'search=ber12&limit=50',
  'limit=50',
  'search=me&limit=50',
  'status=suspended&limit=50',
]);

/** `GET /audit` by each of its filters; of each the first two pages. */
export const auditPages = pages('audit', [
  'limit=50',
  'type=user.*',
  'type=key.rotated',
  'outcome=failure',
  'actor=00000000-0000-4000-8000-000000000042',
  'subject=00000000-0000-4000-8000-000000000042',
  'client_id=service-7',
  'door=api',
  'ip=10.3.0.0/16',
  'ip=192.0.2.0/24',
  'request_id=none',
  'type=login&outcome=failure&door=oidc',
]);

const CHANGES = 100;

/** Changes accounts of its own in turn, `many` in one request. */
const changes =
  (many: 1 | typeof CHANGES): Scenario =>
  async (target, connection, index) => {
    const headers = { authorization: `Bearer ${await tokenOf(target, connection, index)}` };
    const found = await connection.get(`/api/v2/users?search=member${100 + index}&limit=${CHANGES}`, {
      headers,
    });
    expectStatus(found, 200, 'accounts');
    const { items } = JSON.parse(found.body) as { items: { id: string }[] };
    if (items.length < CHANGES) throw new Error(`${items.length} accounts; --people 50000 has enough`);
    const paths = items.map(({ id }) => `/users/${id}`);
    let turn = 0;
    return async () => {
      turn += 1;
      const body = { nickname: `turn ${turn}` };
      if (many === 1) {
        const reply = await connection.patch(`/api/v2${paths[turn % CHANGES]}`, { headers, json: body });
        return expectStatus(reply, 200, 'a change');
      }
      const operations = paths.map((path) => ({ method: 'PATCH', path, body }));
      const reply = await connection.post('/api/v2/bulk', { headers, json: { operations } });
      expectStatus(reply, 200, 'a bulk');
      const { results } = JSON.parse(reply.body) as { results: { status: number }[] };
      if (results.some(({ status }) => status !== 200)) throw new Error(reply.body);
    };
  };

export const userChange = changes(1);
export const bulk = changes(CHANGES);
