import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ME_SCOPES } from '../../src/oidc/tokens/me-scopes.ts';
import { runCases } from '../../src/http/contracts/conformance-run.ts';
import { PAGES as ACCOUNT_PAGES } from '../account/support/pages.ts';
import { readLetters } from '../account/support/mail.ts';
import { connect } from '../api/support/client.ts';
import { ownToken, serviceAccount } from '../api/support/operators.ts';
import { PAGES as CONSOLE_PAGES } from '../console/pages.ts';
import { enterConsole, type Operator } from '../console/support/operators.ts';
import { MANAGEMENT_GOOD } from '../contracts/support/management.ts';
import { goodForMe } from '../contracts/support/me.ts';
import {
  allContracts,
  type ContractServer,
  inOrder,
  startContractServer,
} from '../contracts/support/server.ts';
import { consoleRouter, pagesRouter, providerRouter } from '../http/support/routers.ts';
import { signIn } from '../oidc/support/flow.ts';
import type { Person } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { directory, idOf, patchOf } from '../scim/client.ts';
import { crawl, routeOf } from '../support/crawl.ts';
import { type ExplainedPostgres, startExplainedPostgres, type WholeRead } from '../support/plans.ts';
import { startOtherProvider } from '../upstream/support/other-provider.ts';
import { SECRET, upstreamsAt } from '../upstream/support/sign-in.ts';
import { expectAnswers, sendAll } from './support/operations.ts';
import { visitEndpoints, visitSettings, visitSignIns } from './support/visits.ts';

/** Accounts that were moved here and have not signed in since. */
const NOT_COME = /^select (imported\.source|distinct users\.number), /;

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
    statement:
      /^select count\(\*\)::int as count from \(select from users where status = any\(\$1\) limit \$2\)/,
    reason: 'at most 10,000 of the active accounts, which most are',
  },
  {
    table: 'totp_authenticators',
    statement: /\(select account_id from totp_authenticators where expires_at is null limit 3000\)/,
    reason: 'a sample',
  },
  {
    table: 'totp_authenticators',
    statement:
      /exists \(select from totp_authenticators where account_id = users\.id and expires_at is null\)/,
    reason: 'the filter by factor starts here while few have one',
  },
  {
    table: 'users',
    statement: /^with matching as materialized .* limit 5001\)/s,
    reason: 'at most 5,000 matches',
  },
  { table: 'users', statement: /^select count\(\*\)::int as total from users u/, reason: 'a total of SCIM' },
  { table: 'users', statement: /^select count\(\*\)::int as total,/, reason: 'the report on a move' },
  { table: 'users', statement: /^select min\(password_hash\) as sample/, reason: 'the report on a move' },
  { table: 'users', statement: NOT_COME, reason: 'the report on a move' },
  { table: 'imported_accounts', statement: NOT_COME, reason: 'the report on a move' },
  { table: 'contract_usage', statement: /^select door, max/, reason: 'one row an operation and day' },
  {
    table: 'users',
    statement: /^with due as \(\s*select id from password_hash_secrets/,
    reason: 'once a day while one of these secrets was not needed',
  },
];

/** Reads without a reason. */
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

const notVisited = (reason: string, ...routes: string[]): [string, string][] =>
  routes.map((route) => [route, reason]);

/** Routes that no visit below reaches, and why. */
const NOT_VISITED = new Map([
  ...notVisited(
    'executes no statement of its own',
    'GET /.well-known/change-password',
    'GET /.well-known/passkey-endpoints',
    'GET /.well-known/security.txt',
    'GET /account/delete/done',
    'GET /admin/*rest',
    'GET /apple-touch-icon.png',
    'GET /favicon.ico',
    'POST /oauth2/challenge',
  ),
  ...notVisited(
    'continues a form after a sign-in, with what a cookie contains',
    'GET /account/continue',
    'GET /admin/continue',
  ),
  ...notVisited(
    'calls what an operation of the management API calls, and all of these are sent',
    'GET /admin/clients/:id/waiting',
    'GET /admin/mail/outbox/:mid',
    'GET /admin/mail/preview/:template/:language',
    'GET /admin/scim-tokens/:id/revoke',
    'GET /admin/upstreams/:id/disable',
    'GET /admin/users/:id/factors/remove',
    'POST /admin/clients/:id/enable',
    'POST /admin/clients/:id/roles',
    'POST /admin/clients/new',
    'POST /admin/groups/:id',
    'POST /admin/groups/:id/members',
    'POST /admin/mail/outbox/:mid/resend',
    'POST /admin/roles/:id/holders',
    'POST /admin/scim-tokens/:id/revoke',
    'POST /admin/upstreams/:id/disable',
    'POST /admin/upstreams/new',
    'POST /admin/users/:id/factors/:fid/remove',
    'POST /admin/users/:id/factors/remove',
    'POST /admin/users/:id/unlock',
    'POST /admin/users/:id/verify',
    'POST /admin/users/:id/view-as',
    'POST /admin/webhooks/:id/enable',
  ),
  ...notVisited(
    'calls what an operation of /api/v2/me calls, and all of these are sent',
    'GET /account/factors/codes',
    'GET /account/factors/passkeys/options',
    'POST /account/api-keys/:id/revoke',
    'POST /account/delete',
    'POST /account/email/confirm',
    'POST /account/factors/codes',
    'POST /account/factors/passkeys/:id/remove',
    'POST /account/factors/passkeys/:id/rename',
    'POST /account/factors/totp/:id/remove',
    'POST /account/factors/totp/:id/rename',
    'POST /account/identities/:id/remove',
  ),
  ...notVisited('inserts a row, which a first sign-in there inserts too', 'POST /account/identities/link'),
  ...notVisited(
    'finds an impersonation by its id',
    'POST /account/requests/views/:id/approve',
    'POST /account/requests/views/:id/deny',
  ),
  ...notVisited('finds a mailed token by its id, as a password reset does', 'GET /undo', 'POST /undo'),
]);

/** What is typed on the pages of the account and the console. */
const WORDS = {
  email: () => `${randomUUID()}@example.test`,
  url: () => `https://${randomUUID()}.example.test/`,
  redirect_uris: 'https://app.example.test/callback',
  reason: 'a reason',
  password: 'three unrelated words',
  date: '2026-01-01',
};

describe('without sequential scans where an index serves, every request', () => {
  let postgres: ExplainedPostgres;
  let server: ContractServer;
  let person: Person;
  let owner: Operator;
  /** Pages of the console. */
  const pages: string[] = [];
  beforeAll(async () => {
    const other = await startOtherProvider();
    other.who = { id: 7, login: 'octo' };
    postgres = await startExplainedPostgres();
    server = await startContractServer({
      databaseUrl: postgres.url,
      stores: 'PostgreSQL',
      env: SECRET,
      settings: { ...visitSettings(upstreamsAt(other)), log: { level: 'debug' } },
    });
    [owner, person] = await Promise.all([enterConsole(server, 'owner'), server.createPerson()]);
  });

  it('is answered: each endpoint of the provider with each grant', async () => {
    await visitEndpoints(server, person);
  });

  it('is answered: each page of signing in', async () => {
    await visitSignIns(server, readLetters(server.postern));
  });

  it('is answered: each page and form of the account', async () => {
    const agent = new UserAgent(server.url);
    await signIn(server, await server.createClient(), person, { agent });
    await crawl(
      { agent, within: '/account', router: pagesRouter(), words: WORDS, spared: [], left: /\/delete$/ },
      ACCOUNT_PAGES,
    );
  });

  it('is answered: the contracts, and operations of one’s own account', async () => {
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

  it('is answered: each operation of operators', async () => {
    // Preparing a page creates what it shows, so the lists of the API have items.
    for (const { path } of CONSOLE_PAGES)
      pages.push(typeof path === 'string' ? path : await path({ provider: server, owner, person }));
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

  it('is answered: each page and form of the console, with each filter', async () => {
    // Some pages ask for a recent sign-in.
    const { agent, person: operator } = await enterConsole(server, 'owner');
    await crawl(
      {
        agent,
        within: '/admin',
        router: consoleRouter(),
        words: WORDS,
        spared: [operator.id, owner.person.id],
        left: /\/view-as$/,
      },
      pages.map((page) => `/admin${page}`),
    );
  });

  it('is answered: requests of a directory', async () => {
    const { scim } = await directory(server);
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
  });

  it('visits every route, or a reason is given; a preflight reads nothing', async () => {
    const routers = [pagesRouter(), consoleRouter(), await providerRouter()];
    const answered = server.postern
      .output()
      .split('\n')
      .filter((line) => line.includes('"msg":"request"'))
      .map((line) => JSON.parse(line) as { method: string; path: string; status: number })
      .filter(({ status }) => status < 400);
    const missed = routers.flatMap((router) => {
      const visited = new Set(answered.map(({ method, path }) => routeOf(router, method, path)));
      return router.stack.flatMap(({ path, methods }) =>
        methods
          .filter(
            (method) =>
              method !== 'HEAD' && method !== 'OPTIONS' && !visited.has(`${method} ${String(path)}`),
          )
          .map((method) => `${method} ${String(path)}`),
      );
    });
    expect(missed.filter((route) => !NOT_VISITED.has(route))).toEqual([]);
  });

  it('scans no table completely without a reason', async () => {
    await server.postern.stop();
    const reads = await postgres.wholeReads();
    // Scans are really logged.
    expect(reads.map(({ table }) => table)).toContain('signing_keys');
    expect(withoutReason(reads)).toEqual([]);
  });
});
