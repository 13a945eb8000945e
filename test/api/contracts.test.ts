import { beforeAll, describe, expect, it } from '@jest/globals';
import { callAs, type Call, itemsOf } from './support/operators.ts';
import { type ContractServer, startContractServer } from '../contracts/support/server.ts';
import { runCli } from '../support/postern.ts';
import { until } from '../support/until.ts';

let server: ContractServer;
let owner: Call;
beforeAll(async () => {
  server = await startContractServer({
    env: { WEB_CONCURRENCY: '2' },
    contracts: {
      enabled: ['ppl', 'gateway'],
      root: ['gateway', 'cookie'],
      hosts: { 'ppl.example.test': 'ppl' },
    },
  });
  owner = await callAs(server, 'owner');
});

const HEALTH = '/contracts/cookie/health';
const statusAt = async (base: string, path: string) => (await fetch(`${base}${path}`)).status;
/** Waits until every worker answers so: each request is a new connection to one of them. */
const everywhere = (path: string, status: number) =>
  until(async () => {
    const headers = { connection: 'close' };
    const all = Array.from({ length: 8 }, () => fetch(`${server.url}${path}`, { headers }));
    return (await Promise.all(all)).every((reply) => reply.status === status);
  });
const refresh = async () => {
  const body = new URLSearchParams({
    client_id: 'contract:cookie',
    grant_type: 'refresh_token',
    refresh_token: 'x',
  });
  const reply = await fetch(`${server.url}/oauth2/token`, { method: 'POST', body });
  return ((await reply.json()) as { error: string }).error;
};

describe('contracts', () => {
  it('are opened and closed on every running node', async () => {
    expect(await owner('GET', '/contracts/cookie')).toMatchObject({
      status: 200,
      body: { name: 'cookie', open: false, configured: false, forced: null, version: 1 },
    });
    expect(await statusAt(server.url, HEALTH)).toBe(404);
    const opened = await owner('PATCH', '/contracts/cookie', { open: true }, { 'if-match': '"1"' });
    expect(opened).toMatchObject({ status: 200, body: { open: true, configured: false, version: 2 } });
    await everywhere(HEALTH, 200);
    expect(await refresh()).toBe('invalid_grant');
    // At the root, where the configuration mounts it.
    expect(await statusAt(server.url, '/health')).toBe(200);

    expect(await owner('PATCH', '/contracts/cookie', { open: false }, { 'if-match': '"1"' })).toMatchObject({
      status: 412,
      body: { current: { open: true, version: 2 } },
    });
    expect((await owner('PATCH', '/contracts/cookie', { open: false })).status).toBe(200);
    for (const path of [HEALTH, '/health', '/contracts/cookie/docs']) await everywhere(path, 404);
    const [unknown, closed] = await Promise.all(
      ['/contracts/nothing/health', HEALTH].map(async (path) =>
        (await (await fetch(`${server.url}${path}`)).text()).replaceAll(/[0-9a-f-]{36}/g, ''),
      ),
    );
    expect(closed).toBe(unknown);
    expect(await refresh()).toBe('invalid_client');
    expect(
      await server.sql("select type, details from audit_events where type like 'contract.%' order by at"),
    ).toEqual([
      {
        type: 'contract.opened',
        details: { contract: 'cookie', before: { open: false }, after: { open: true } },
      },
      {
        type: 'contract.closed',
        details: { contract: 'cookie', before: { open: true }, after: { open: false } },
      },
    ]);
  });

  it('forced by the configuration cannot be changed', async () => {
    expect(await owner('PATCH', '/contracts/ppl', { open: false })).toMatchObject({
      status: 409,
      body: { code: 'configured', detail: expect.stringContaining('ppl.example.test') },
    });
    expect(await owner('PATCH', '/contracts/nothing', { open: true })).toMatchObject({ status: 404 });
    const auditor = await callAs(server, 'auditor');
    expect((await auditor('PATCH', '/contracts/cookie', { open: true })).status).toBe(403);
    expect(itemsOf(await auditor('GET', '/contracts')).map(({ name, open }) => [name, open])).toEqual([
      ['cookie', false],
      ['flask', false],
      ['gateway', true],
      ['keyed', false],
      ['ppl', true],
    ]);
  });

  it('are opened once by parallel requests', async () => {
    const answers = await Promise.all(
      [1, 2].map(() => owner('PATCH', '/contracts/flask', { open: true }, { 'if-match': '"1"' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 412]));
  });

  it('can be opened and closed by the command', async () => {
    const cli = (...args: string[]) => runCli(['contract', ...args, '--json'], { env: server.postern.env });
    expect(JSON.parse((await cli('open', 'keyed')).stdout)).toMatchObject({ open: true });
    await until(async () => (await statusAt(server.url, '/contracts/keyed/docs')) === 200);
    const { doors } = JSON.parse((await cli('list')).stdout) as { doors: Record<string, unknown>[] };
    expect(doors.find(({ name }) => name === 'keyed')).toMatchObject({ open: true, configured: false });
    expect((await cli('close', 'ppl')).code).toBe(1);
  });

  it('show their users by program, address and account', async () => {
    const call = (agent: string, address: string) =>
      fetch(`${server.url}/contracts/gateway/api/v1/auth/health`, {
        headers: { 'user-agent': agent, 'x-forwarded-for': address },
      });
    await call('okhttp/4.9.1', '192.0.2.1');
    await call('okhttp/4.9.1', '192.0.2.2');
    await call('Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0', '192.0.2.2');
    await until(async () => {
      const { body } = await owner('GET', '/contracts/gateway/usage?days=7');
      return Number(body['requests']) >= 3;
    });
    const { body } = await owner('GET', '/contracts/gateway/usage?days=7');
    expect(body).toMatchObject({
      name: 'gateway',
      days: 7,
      by_client: [
        { client: 'okhttp/4.9.1', requests: 2 },
        { client: 'Firefox/140.0', requests: 1 },
      ],
      by_endpoint: [{ endpoint: 'GET /api/v1/auth/health', requests: 3 }],
      by_address: [{ requests: 3 }],
      by_account: [],
      items: [{ requests: 3, accounts: 0 }],
      would_stop: {
        last_7_days: { requests: 3, accounts: 0, clients: 2, addresses: 1 },
        last_30_days: { requests: 3, accounts: 0, clients: 2, addresses: 1 },
      },
    });
    expect(body['quiet_since']).toEqual(expect.any(String));
    const developer = await callAs(server, 'developer');
    expect((await developer('GET', '/contracts/gateway/usage')).body['by_account']).toBeNull();
    expect((await owner('GET', '/contracts/gateway/usage?days=0')).status).toBe(400);
    expect((await owner('GET', '/contracts/nothing/usage')).status).toBe(404);
  });
});
