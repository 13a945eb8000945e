import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ME_SCOPES } from '../../src/oidc/tokens/me-scopes.ts';
import { runCases } from '../../src/http/contracts/conformance-run.ts';
import { PAGES as ACCOUNT_PAGES } from '../account/support/pages.ts';
import { connect } from '../api/support/client.ts';
import { ownToken, serviceAccount } from '../api/support/operators.ts';
import { PAGES as CONSOLE_PAGES } from '../console/pages.ts';
import { enterConsole } from '../console/support/operators.ts';
import { MANAGEMENT_GOOD } from '../contracts/support/management.ts';
import { goodForMe } from '../contracts/support/me.ts';
import {
  allContracts,
  type ContractServer,
  inOrder,
  startContractServer,
} from '../contracts/support/server.ts';
import { approveLogin, askForLogin, POLL, pollLogin } from '../oidc/support/ciba.ts';
import { approveDevice, beginDevice, DEVICE, pollDevice } from '../oidc/support/device.ts';
import {
  authorize,
  exchange,
  introspect,
  post,
  push,
  pushedUrl,
  refresh,
  signIn,
  userinfo,
} from '../oidc/support/flow.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { directory, idOf, patchOf } from '../scim/client.ts';
import type { OpenApi, OpenApiOperation, Schema } from '../support/openapi.ts';
import { type ExplainedPostgres, startExplainedPostgres, type WholeRead } from '../support/plans.ts';

/** Tables that may be scanned completely, and why: by any statement, or only by those that match. */
const WHOLE: readonly { table: string; statement?: RegExp; reason: string }[] = [
  { table: 'apis', reason: 'filled by operators, kept in memory' },
  { table: 'attribute_schemas', reason: 'one row' },
  { table: 'branding', reason: 'one row a version' },
  { table: 'contract_states', reason: 'one row a contract' },
  { table: 'expansions', reason: 'one row a migration' },
  { table: 'first_steps', reason: 'one row a step' },
  { table: 'migrations', reason: 'one row a migration' },
  { table: 'password_hash_secrets', reason: 'one row a secret of another system' },
  { table: 'roles', reason: 'filled by operators, kept in memory' },
  { table: 'runtime_settings', reason: 'one row a setting, kept in memory' },
  { table: 'scim_tokens', reason: 'two' },
  { table: 'signing_keys', reason: 'a few, kept in memory' },
  { table: 'upstreams', reason: 'filled by operators, kept in memory' },
  { table: 'webhooks', reason: 'filled by operators, kept in memory' },
  { table: 'clients', reason: 'lists and searches of operators: some thousands' },
  { table: 'groups', reason: 'lists and searches of operators and directories: some thousands' },
  { table: 'users', statement: /from \(select \* from users limit 5000\)/, reason: 'a sample' },
  {
    table: 'users',
    statement: /^with matching as materialized .* limit 5001\)/s,
    reason: 'at most 5,000 matches',
  },
  { table: 'users', statement: /^select count\(\*\)::int as total from users u/, reason: 'a total of SCIM' },
  { table: 'users', statement: /^select count\(\*\)::int as total,/, reason: 'the report on a move' },
  { table: 'users', statement: /^select min\(password_hash\) as sample/, reason: 'the report on a move' },
  {
    table: 'users',
    statement: /^with due as \(\s*select id from password_hash_secrets/,
    reason: 'once a day while one of these secrets was not needed',
  },
];

/** Scans without a reason. */
const withoutReason = (reads: WholeRead[]): string[] => [
  ...new Set(
    reads
      .filter(
        ({ table, statement }) =>
          !WHOLE.some((one) => one.table === table && (one.statement?.test(statement) ?? true)),
      )
      .map(({ table, statement }) => `${table}: ${statement}`),
  ),
];

/** Values that a query parameter takes. */
function samplesOf({ enum: words = [], examples = [], format, type, anyOf, items }: Schema): string[] {
  const named = [...examples, ...words].map(String);
  if (named.length > 0) return named;
  if (items) return samplesOf(items);
  if (anyOf) return anyOf.flatMap(samplesOf);
  if (format === 'date-time') return ['2026-01-01T00:00:00Z'];
  if (format === 'date') return ['2026-01-01'];
  if (format === 'uuid') return [UNKNOWN_ID];
  return [{ integer: '1', number: '1', boolean: 'true' }[type ?? ''] ?? 'ada'];
}

const UNKNOWN_ID = '7c3c6d5c-0000-4000-8000-000000000000';

type Operation = OpenApiOperation & { method: string; path: string };

/** Who sends a request. */
interface Caller {
  headers: Record<string, string>;
  good(operationId: string): unknown;
}

interface Callers {
  covers(path: string): boolean;
  /** Creates a caller. Each change gets a new one, because it may delete its caller. */
  join(): Promise<Caller>;
}

const CHANGES = ['post', 'put', 'patch', 'delete'];

/** Reading operations, then changes. Containers are deleted last. */
function operationsOf({ paths = {} }: OpenApi, covers: Callers['covers']) {
  const all = Object.entries(paths)
    .filter(([path]) => covers(path))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): Operation => ({ ...operation, method, path })),
    );
  const changes = CHANGES.flatMap((method) =>
    all.filter((one) => one.method === method).toSorted((a, b) => b.path.length - a.path.length),
  );
  return { reads: all.filter(({ method }) => method === 'get'), changes };
}

/** Queries of an operation: none, and each parameter alone with each sample. */
const queriesOf = ({ parameters = [] }: Operation): string[] => [
  '',
  ...parameters
    .filter((parameter) => parameter.in === 'query')
    .flatMap(({ name, schema }) =>
      samplesOf(schema).map((value) => `?${new URLSearchParams({ [name]: value }).toString()}`),
    ),
];

/**
 * Sends each reading operation of the API with each parameter, then each change.
 * @returns the status of each request.
 */
async function sendAll({ url }: ContractServer, { covers, join }: Callers): Promise<[number, string][]> {
  const document = (await (await fetch(`${url}/api/v2/openapi.json`)).json()) as OpenApi;
  const { reads, changes } = operationsOf(document, covers);
  const reader = await join();

  /** Replaces each parameter of a path by the first item of the list before it. */
  const filled = async (path: string): Promise<string> => {
    let known = url;
    for (const part of path.split(/(?=\/)/)) {
      const [, name] = /^\/\{(\w+)\}/.exec(part) ?? [];
      if (name === undefined) {
        known += part;
        continue;
      }
      const reply = await fetch(known, { headers: reader.headers });
      const body = (reply.ok ? await reply.json() : {}) as Record<string, unknown>;
      const [first = {}] = (body['items'] ?? []) as Record<string, string>[];
      const value = first[name] ?? first['id'] ?? first['name'] ?? first['kid'] ?? UNKNOWN_ID;
      known += part.replace(`{${name}}`, encodeURIComponent(value));
    }
    return known;
  };
  const answers: [number, string][] = [];
  const ask = async (
    { method, path, operationId }: Operation,
    query: string,
    caller: Caller,
    body?: unknown,
  ) => {
    const reply = await fetch(`${await filled(path)}${query}`, {
      method: method.toUpperCase(),
      headers: {
        ...caller.headers,
        ...(method === 'post' ? { 'idempotency-key': randomUUID() } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // Some answer with lines, or a picture.
    await reply.arrayBuffer();
    answers.push([reply.status, `${operationId}${query}`]);
  };
  for (const operation of reads)
    for (const query of queriesOf(operation)) await ask(operation, query, reader);
  for (const operation of changes) {
    const caller = await join();
    const body = operation.requestBody ? caller.good(operation.operationId) : undefined;
    await ask(operation, '', caller, body);
  }
  return answers;
}

/** No request fails, and most succeed. */
function expectAnswers(answers: [number, string][]): void {
  expect(answers.filter(([status]) => status >= 500 || status === 401 || status === 429)).toEqual([]);
  // Some parameters name something that does not exist here.
  expect(answers.filter(([status]) => status < 300).length).toBeGreaterThan(answers.length / 2);
}

describe('without sequential scans where an index serves, every request', () => {
  let postgres: ExplainedPostgres;
  let server: ContractServer;
  beforeAll(async () => {
    postgres = await startExplainedPostgres();
    server = await startContractServer({ databaseUrl: postgres.url, stores: 'PostgreSQL' });
  });

  it('is answered: sign-ins by every flow, the account pages, the contracts', async () => {
    const [client, person] = await Promise.all([server.createClient(), server.createPerson()]);
    const agent = new UserAgent(server.url);
    const tokens = await signIn(server, client, person, {
      agent,
      parameters: { scope: 'openid profile email offline_access', prompt: 'consent' },
    });
    const code = (await authorize(server, agent, client, person)).get('code') ?? '';
    await exchange(server, client, code);
    await exchange(server, client, code);
    const { body } = await refresh(server, client, tokens.refresh_token);
    await introspect(server, client, body.access_token);
    await userinfo(server, body.access_token);
    await post(server, 'revoke', client, { token: body.refresh_token });
    const pushed = await agent.open(pushedUrl(server, client, await push(server, client)));
    expect(pushed.leftFor).not.toBeNull();
    for (const path of ACCOUNT_PAGES) expect((await agent.open(`${server.url}${path}`)).status).toBe(200);

    const device = await server.createClient(DEVICE, { isPublic: true });
    const codes = await beginDevice(server, device);
    await approveDevice(server, person, codes.user_code, agent);
    expect((await pollDevice(server, device, codes.device_code)).status).toBe(200);
    const elsewhere = await server.createClient(POLL);
    const asked = await askForLogin(server, elsewhere, { login_hint: person.email });
    await approveLogin(server, person);
    expect((await pollLogin(server, elsewhere, asked.body.auth_req_id)).status).toBe(200);

    for (const contract of allContracts) {
      const { name } = contract;
      const url = `${server.url}/contracts/${name}`;
      const { results } = await runCases(contract, { url, apiKey: server.apiKey, send: inOrder(name) });
      expect(results.filter(({ failure }) => failure !== null)).toEqual([]);
    }
    const answers = await sendAll(server, {
      covers: (path) => path.startsWith('/api/v2/me'),
      async join() {
        const somebody = await server.createPerson();
        const app = await connect(server, somebody, Object.keys(ME_SCOPES).join(' '));
        return {
          headers: { authorization: `Bearer ${app.tokens.access_token}` },
          good: (id) => goodForMe(id, somebody.password),
        };
      },
    });
    expectAnswers(answers);
  });

  it('is answered: each page of the console, operation of the API, request of a directory', async () => {
    const [owner, person] = await Promise.all([enterConsole(server, 'owner'), server.createPerson()]);
    await signIn(server, await server.createClient(), person);
    const { scim } = await directory(server);
    // Preparing a page creates what it shows, so the lists of the API have items.
    const pages: string[] = [];
    for (const { path } of CONSOLE_PAGES)
      pages.push(typeof path === 'string' ? path : await path({ provider: server, owner, person }));

    for (const page of pages)
      expect([page, (await owner.open(page)).status]).toEqual([page, page === '/nothing-here' ? 404 : 200]);

    for (const path of ['/Users', '/Groups']) expect((await scim('GET', path)).status).toBe(200);
    for (const filter of [
      `userName eq "${person.username}"`,
      'externalId eq "1"',
      `emails.value eq "${person.email}"`,
      'userName sw "user"',
      'meta.lastModified gt "2026-01-01T00:00:00Z"',
      `id eq "${person.id}"`,
    ])
      expect((await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`)).status).toBe(200);
    for (const filter of ['displayName eq "Helpdesk"', `members.value eq "${person.id}"`])
      expect((await scim('GET', `/Groups?filter=${encodeURIComponent(filter)}`)).status).toBe(200);
    const user = idOf(await scim('POST', '/Users', { userName: `p-${randomUUID()}@corp.example` }));
    const members = [{ value: user }];
    const group = idOf(await scim('POST', '/Groups', { displayName: `g-${randomUUID()}`, members }));
    const deactivate = patchOf({ op: 'replace', path: 'active', value: false });
    const leave = patchOf({ op: 'remove', path: `members[value eq "${user}"]` });
    for (const [method, path, body, status] of [
      ['GET', `/Users/${user}`, undefined, 200],
      ['PATCH', `/Users/${user}`, deactivate, 200],
      ['PATCH', `/Groups/${group}`, leave, 204],
      ['DELETE', `/Groups/${group}`, undefined, 204],
      ['DELETE', `/Users/${user}`, undefined, 204],
    ] as const)
      expect([method, path, (await scim(method, path, body)).status]).toEqual([method, path, status]);

    const answers = await sendAll(server, {
      covers: (path) => !path.startsWith('/api/v2/me'),
      async join() {
        const { body } = await ownToken(server, await serviceAccount(server, 'owner'));
        return {
          headers: { authorization: `Bearer ${body['access_token'] ?? ''}` },
          good: (id) => MANAGEMENT_GOOD[id]?.(),
        };
      },
    });
    expectAnswers(answers);
  });

  it('scans no table completely without a reason', async () => {
    await server.postern.stop();
    const reads = await postgres.wholeReads();
    // Scans are really logged.
    expect(reads.map(({ table }) => table)).toContain('signing_keys');
    expect(withoutReason(reads)).toEqual([]);
  });
});
