import { basic, type Connection, expectStatus } from '../client/connection.ts';
import type { Target } from '../client/target.ts';
import { endpoints, type Scenario } from './scenario.ts';

/**
 * A token of a service account that may read and change users and read the audit log. Each connection has its own
 * account.
 */
async function tokenOf(
  target: Target,
  connection: Connection,
  index: number,
  scope = 'users:write audit:read sessions:read groups:read clients:read',
): Promise<string> {
  const id = target.services.ids[index + 1] ?? '';
  const reply = await connection.post(endpoints.token, {
    headers: { authorization: basic(id, target.services.secret) },
    form: new URLSearchParams({ grant_type: 'client_credentials', scope }),
  });
  expectStatus(reply, 200, 'a token');
  return (JSON.parse(reply.body) as { access_token: string }).access_token;
}

/** Requests each list in turn, and its next page if there is one. */
const pages =
  (paths: readonly string[]): Scenario =>
  async (target, connection, index) => {
    const headers = { authorization: `Bearer ${await tokenOf(target, connection, index)}` };
    let turn = index;
    let next = '';
    return async () => {
      const path = next === '' ? (paths[turn++ % paths.length] ?? '') : next;
      const reply = await connection.get(`/api/v2/${path}`, { headers });
      expectStatus(reply, 200, path);
      const { next_cursor: cursor } = JSON.parse(reply.body) as { next_cursor: string | null };
      next = next === '' && cursor !== null ? `${path}&cursor=${cursor}` : '';
    };
  };

/** `GET /users` by part of a name, by part of an address and without a filter: the first two pages of each. */
const USERS = [
  'search=finch&limit=50',
  'search=ber12&limit=50',
  'limit=50',
  'search=me&limit=50',
  'status=suspended&limit=50',
].map((query) => `users?${query}`);

/** `GET /audit` by each of its filters: the first two pages of each. */
const AUDIT = [
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
  // Pairs of filters that match many events each and few or none together.
  'type=logout&door=pages',
  'type=password.changed&client_id=service-7',
  'outcome=failure&client_id=service-9',
  'client_id=service-3&door=api',
  'type=user.*&door=oidc&outcome=failure',
  'sort=at&type=logout&door=pages',
].map((query) => `audit?${query}`);

export const userSearch = pages(USERS);
export const auditPages = pages(AUDIT);
/** Both, as operators go through them. */
export const operatorPages = pages([...USERS, ...AUDIT]);

/** The other long lists: members of a group, groups, sessions and apps. */
export const lists: Scenario = async (target, connection, index) => {
  const headers = { authorization: `Bearer ${await tokenOf(target, connection, index)}` };
  const found = await connection.get('/api/v2/groups?limit=1', { headers });
  expectStatus(found, 200, 'groups');
  const [group] = (JSON.parse(found.body) as { items: { id: string }[] }).items;
  const paths = ['groups', `groups/${group?.id}/members`, 'sessions', 'clients', 'clients?search=service'];
  let turn = index;
  return async () => {
    const path = paths[turn++ % paths.length] ?? '';
    expectStatus(await connection.get(`/api/v2/${path}`, { headers }), 200, path);
  };
};

/** SCIM tokens by target: at most two are valid at a time. */
const directories = new WeakMap<Target, Promise<string>>();

/** `GET /scim/v2/Users` and `Groups` as directories request them: by name, by address and page by page. */
export const scimPages: Scenario = async (target, connection, index) => {
  const create = async () => {
    const token = await tokenOf(target, connection, index, 'scim:write');
    const headers = { authorization: `Bearer ${token}` };
    const reply = await connection.post('/api/v2/scim-tokens', { headers, json: {} });
    expectStatus(reply, 201, 'a token of a directory');
    return (JSON.parse(reply.body) as { token: string }).token;
  };
  const made = directories.get(target) ?? create();
  directories.set(target, made);
  const headers = { authorization: `Bearer ${await made}` };
  const queries = [
    'Users?startIndex=1&count=100',
    'Users?startIndex=901&count=100',
    'Groups?startIndex=1&count=100&excludedAttributes=members',
    'Users?filter=userName%20eq%20%22member1234%22',
    'Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22member1234@example.org%22',
    'Users?filter=externalId%20eq%20%22none%22',
    'Users?filter=userName%20sw%20%22member12%22&count=50',
    'Users?filter=displayName%20co%20%22finch%22&count=50',
    'Users?filter=active%20eq%20false&count=50',
  ];
  let turn = index;
  return async () => {
    const query = queries[turn++ % queries.length] ?? '';
    expectStatus(await connection.get(`/scim/v2/${query}`, { headers }), 200, query);
  };
};

const CHANGES = 100;

/** Changes its own accounts in turn, `many` in one request. */
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
