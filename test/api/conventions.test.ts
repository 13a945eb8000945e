import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { issuedSecret, withoutSecrets } from '../../src/http/endpoints/text.ts';
import { type Provider, startProvider } from '../oidc/support/provider.ts';
import { MANAGEMENT_GOOD } from '../contracts/support/management.ts';
import { apiOf, send } from './support/client.ts';
import { type Call, callAs, idOf, ownToken, serviceAccount } from './support/operators.ts';

let provider: Provider;
let owner: Call;
beforeAll(async () => {
  provider = await startProvider({ stores: 'PostgreSQL' });
  owner = await callAs(provider, 'owner');
});

const roleName = () => `role-${randomUUID().slice(0, 8)}`;
const countOf = async (table: string, where: string, values: unknown[]) =>
  (await provider.sql(`select from ${table} where ${where}`, values)).length;

describe('Idempotency-Key', () => {
  it('has a request performed once, however many come in parallel', async () => {
    const [name, key] = [`Group ${randomUUID()}`, randomUUID()];
    const create = (body: object = { name }, call = owner, headers = { 'Idempotency-Key': key }) =>
      call('POST', '/groups', body, headers);
    const together = await Promise.all(Array.from({ length: 8 }, () => create()));
    for (const { status, body } of together)
      expect([201, 409]).toContain(status === 409 && body['code'] !== 'idempotency_in_progress' ? 0 : status);
    const replay = await create();
    expect([replay.status, replay.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(replay.headers.get('etag')).toBe('"1"');
    expect(replay.headers.get('location')).toBe(`/api/v2/groups/${idOf(replay)}`);
    expect(together.filter(({ status }) => status === 201).map(idOf)).toContain(idOf(replay));
    expect(await countOf('groups', 'name = $1', [name])).toBe(1);
    expect(await countOf('audit_events', "details ->> 'group' = $1", [idOf(replay)])).toBe(1);
    expect(await create({ name: `${name}.` })).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
    // The same key for another caller or another path counts as another key.
    expect(await create({ name }, await callAs(provider, 'owner'))).toMatchObject({
      status: 409,
      body: { code: 'group_taken' },
    });
    const other = await owner('POST', '/roles', { name: roleName() }, { 'Idempotency-Key': key });
    expect([other.status, other.headers.get('idempotency-replayed')]).toEqual([201, null]);
  });

  it('stores nothing of a refused request, and expires after a day', async () => {
    const [name, key] = [roleName(), { 'Idempotency-Key': `"${randomUUID()}" ` }];
    expect(await owner('POST', '/roles', { name: 'owner' }, key)).toMatchObject({ status: 409 });
    expect(await owner('POST', '/roles', { name }, key)).toMatchObject({ status: 201 });
    await provider.sql("update idempotent_requests set expires_at = now() - interval '1 second'");
    expect(await owner('POST', '/roles', { name }, key)).toMatchObject({
      status: 409,
      body: { code: 'role_taken' },
    });
    await provider.operator.sweep();
    expect(await countOf('idempotent_requests', 'true', [])).toBe(0);
    expect(await owner('POST', '/roles', { name }, { 'Idempotency-Key': 'x'.repeat(256) })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'Idempotency-Key' }] },
    });
  });

  it('never repeats a secret in a replayed reply', () => {
    const Item = z.strictObject({ id: z.string(), secret: issuedSecret('Shown once') });
    const schema = z.strictObject({
      one: Item.nullable(),
      none: Item.optional(),
      list: z.array(Item),
      token: issuedSecret('Shown once'),
    });
    const item = { id: 'a', secret: 'b' };
    const shown = { one: item, list: [item], token: 'c' };
    const hidden = { id: 'a', secret: null };
    expect(withoutSecrets(schema, shown)).toEqual({ one: hidden, list: [hidden], token: null });
    expect(withoutSecrets(schema, { one: null, list: [], token: 'c' })).toEqual({
      one: null,
      list: [],
      token: null,
    });
  });
});

describe('POST /bulk', () => {
  const bulk = (operations: object[], more: object = {}, call = owner, headers = {}) =>
    call('POST', '/bulk', { operations, ...more }, headers);
  const resultsOf = ({ body }: Awaited<ReturnType<Call>>) =>
    body['results'] as { id: string; status: number; body: Record<string, unknown> | null }[];

  it('answers each operation by itself', async () => {
    const [name, other] = [roleName(), roleName()];
    const role = (id: string) => ({ id, method: 'POST', path: '/roles', body: { name } });
    const done = await bulk([
      role('a'),
      role('b'),
      { id: 'c', method: 'patch', path: `/roles/${name}`, body: { description: 'x' }, if_match: '"9"' },
      { id: 'd', method: 'PATCH', path: `/roles/${name}`, body: { description: 'y' }, if_match: '"1"' },
      { id: 'e', method: 'GET', path: `/users?limit=1&search=${other}` },
      { id: 'f', method: 'POST', path: '/bulk', body: { operations: [role('x')] } },
      { id: 'g', method: 'GET', path: '/me' },
      { id: 'h', method: 'PUT', path: '/roles' },
      { id: 'i', method: 'GET', path: '/users?limit=0' },
      { id: 'j', method: 'DELETE', path: `/roles/${name}` },
    ]);
    expect(done.status).toBe(200);
    expect(resultsOf(done).map(({ id, status, body }) => [id, status, body?.['code'] ?? null])).toEqual([
      ['a', 201, null],
      ['b', 409, 'role_taken'],
      ['c', 412, 'precondition_failed'],
      ['d', 200, null],
      ['e', 200, null],
      ['f', 404, 'not_found'],
      ['g', 404, 'not_found'],
      ['h', 405, 'method_not_allowed'],
      ['i', 400, 'invalid_request'],
      ['j', 204, null],
    ]);
    expect(resultsOf(done)[2]?.body).toMatchObject({ current: { name, version: 1 } });
    expect(await countOf('audit_events', "details ->> 'role' = $1", [name])).toBe(3);
    expect(await bulk([])).toMatchObject({ status: 400 });
    expect(await bulk(Array.from({ length: 101 }, () => role('a')))).toMatchObject({ status: 400 });
  });

  it('performs all operations or none if it is atomic, and says so for each', async () => {
    const names = [roleName(), roleName()];
    const roles = names.map((name) => ({ id: name, method: 'POST', path: '/roles', body: { name } }));
    const failed = await bulk([roles[0]!, roles[0]!, roles[1]!], { atomic: true });
    expect(resultsOf(failed).map(({ status, body }) => [status, body?.['code']])).toEqual([
      [424, 'not_applied'],
      [409, 'role_taken'],
      [424, 'not_applied'],
    ]);
    expect(await countOf('roles', 'name = any($1)', [names])).toBe(0);
    const done = await bulk(roles, { atomic: true });
    expect(resultsOf(done).map(({ status }) => status)).toEqual([201, 201]);
  });

  it('checks the permission of each operation, audits refusals, and counts each against the rate limit', async () => {
    const developer = await callAs(provider, 'developer');
    const name = roleName();
    const operations = [
      { id: '1', method: 'GET', path: '/roles/owner' },
      { id: '2', method: 'POST', path: '/roles', body: { name } },
    ];
    const leftOf = ({ headers }: Awaited<ReturnType<Call>>) =>
      Number(/r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);
    const before = leftOf(await developer('GET', '/caller'));
    for (const atomic of [false, true]) {
      const refused = await bulk(operations, { atomic }, developer);
      expect(resultsOf(refused).map(({ status }) => status)).toEqual([atomic ? 424 : 200, 403]);
    }
    expect(leftOf(await developer('GET', '/caller'))).toBe(before - 5);
    expect(
      await countOf(
        'audit_events',
        "type = 'operator.refused' and details ->> 'operation' = 'createRole'",
        [],
      ),
    ).toBe(2);
  });

  it('is performed once for an idempotency key', async () => {
    const name = roleName();
    const once = { 'Idempotency-Key': randomUUID() };
    const operations = [{ id: '1', method: 'POST', path: '/roles', body: { name } }];
    const all = [await bulk(operations, {}, owner, once), await bulk(operations, {}, owner, once)];
    expect(all[1]?.body).toEqual(all[0]?.body);
    expect(all.map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
  });
});

describe('a refusal by the management API', () => {
  it('says what is wrong and suggests what may have been meant', async () => {
    const detailOf = async (...request: Parameters<Call>) => (await owner(...request)).body['detail'];
    expect(await detailOf('PATCH', '/roles/support', { description: 'x' })).toBe(
      'This comes with Postern and cannot be changed: create one of your own.',
    );
    expect(await detailOf('POST', '/groups', { name: randomUUID(), roles: ['auditr'] })).toBe(
      'roles names a role that does not exist: auditr; did you mean auditor?',
    );
    const hook = { url: 'https://hooks.example.com', event_types: ['user.creatd'] };
    expect(await detailOf('POST', '/webhooks', hook)).toBe(
      'event_types names a type of event that does not exist: user.creatd; did you mean user.created?',
    );
    const account = await serviceAccount(provider, 'support');
    const { body } = await ownToken(provider, account);
    await owner('PATCH', `/clients/${account.id}`, { roles: [] });
    const headers = { authorization: `Bearer ${body['access_token'] ?? ''}` };
    expect(await send(provider, 'GET', '/users', { headers })).toMatchObject({
      status: 403,
      body: {
        detail: 'The current roles behind the access token allow none of its scopes.',
      },
    });
  });
});

describe('CORS at the management API', () => {
  it('lets any origin send and read the headers that matter', async () => {
    const preflight = await fetch(`${provider.url}/api/v2/users`, {
      method: 'OPTIONS',
      headers: { 'Origin': 'https://console.example.test', 'Access-Control-Request-Method': 'PUT' },
    });
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT');
    const allowed = preflight.headers.get('access-control-allow-headers');
    for (const name of ['If-Match', 'Idempotency-Key']) expect(allowed).toContain(name);
    const exposed = (await owner('GET', '/caller')).headers.get('access-control-expose-headers');
    for (const name of ['ETag', 'Location', 'Idempotency-Replayed', 'RateLimit', 'Retry-After'])
      expect(exposed).toContain(name);
  });

  it('treats a service account as a program in rate limits', async () => {
    const { headers } = await owner('GET', '/caller');
    expect(headers.get('ratelimit-policy')).toBe('"program";q=6000;w=60');
  });
});

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string }[];
}

describe('every operation of the OpenAPI document', () => {
  /** Operations for operators. Those that people use for themselves are under `/me`. */
  async function operations() {
    const reply = await fetch(`${apiOf(provider)}/openapi.json`);
    const { paths } = (await reply.json()) as { paths: Record<string, Record<string, Operation>> };
    return Object.entries(paths)
      .filter(([path]) => !path.includes('/me'))
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({
          path: path.replace(/^\/api\/v2/, ''),
          method: method.toUpperCase(),
          id: operation.operationId,
          takes: (operation.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name),
        })),
      );
  }

  it('refuses unknown filters, orders, cursors and limits by name', async () => {
    const lists = (await operations()).filter(({ path, method }) => method === 'GET' && !path.includes('{'));
    expect(lists.length).toBeGreaterThan(20);
    expect(lists.filter(({ takes }) => takes.includes('sort')).length).toBeGreaterThan(3);
    for (const { path, takes } of lists) {
      const refused: [string, object][] = [['nonsense', { errors: [{ field: 'nonsense' }] }]];
      if (takes.includes('sort')) refused.push(['sort', { errors: [{ field: 'sort' }] }]);
      if (takes.includes('limit')) refused.push(['limit', { errors: [{ field: 'limit' }] }]);
      if (takes.includes('cursor')) refused.push(['cursor', { code: 'invalid_cursor' }]);
      for (const [name, body] of refused) {
        const needed = takes
          .filter((one) => one === 'q' || one === 'format')
          .map((one) => (one === 'q' ? 'q=x' : 'format=csv'));
        const asked = `${path}?${[...needed, `${name}=password_hash`].join('&')}`;
        expect({ asked, ...(await owner('GET', asked)) }).toMatchObject({ asked, status: 400, body });
      }
    }
  });

  it('finds nothing by a foreign or forged id, and changes nothing', async () => {
    // A service account can view as nobody.
    const some = (await operations()).filter(
      ({ path, id }) => path.includes('{') && id !== 'impersonateUser',
    );
    expect(some.length).toBeGreaterThan(70);
    const before = await countOf('audit_events', "type <> 'operator.refused'", []);
    for (const forged of [randomUUID(), "x' or 1=1 --", '%00', '\ud83d\udd11'.repeat(20), '..%2f..%2fcaller'])
      for (const { path, method, id } of some) {
        const asked = path.replaceAll(/\{\w+\}/g, forged.includes('%') ? forged : encodeURIComponent(forged));
        const reply = await owner(method, asked, MANAGEMENT_GOOD[id]?.());
        expect({ id, asked, ...reply }).toMatchObject({ id, asked, status: 404 });
      }
    expect(await countOf('audit_events', "type <> 'operator.refused'", [])).toBe(before);
  });
});
