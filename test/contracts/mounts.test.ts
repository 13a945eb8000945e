import { describe, expect, it } from '@jest/globals';
import type { ContractSettings } from '../../src/config/index.ts';
import type { Contract } from '../../src/http/contracts/contract.ts';
import { planMounts } from '../../src/http/contracts/mounts.ts';
import { until } from '../support/until.ts';
import { runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { contractOf, allContracts, sendToHost, startContractServer } from './support/server.ts';

type Wishes = Partial<ContractSettings>;

const plan = (wishes: Wishes, from: readonly Contract[] = allContracts) =>
  planMounts(from, { enabled: 'all', root: [], hosts: {}, tokens: {}, ...wishes }).map(
    ({ contract, prefix, host }) => `${host ?? ''}${prefix || '/'} ${contract.name}`,
  );

const under = ['cookie', 'flask', 'gateway', 'keyed', 'ppl'].map((name) => `/contracts/${name} ${name}`);

/** A contract based on `like` with operations at other paths. */
const otherContract = (name: string, basePath: string, path: string): Contract => {
  const [operation] = contractOf('ppl').operations;
  return {
    ...contractOf('ppl'),
    name,
    basePath,
    pages: {},
    openapiPath: `/${name}.json`,
    operations: [{ ...operation!, path }],
  };
};

describe('the mounts of contracts', () => {
  it('are below their prefixes and where the settings put them', () => {
    expect(plan({})).toEqual(under);
    expect(plan({ root: ['cookie', 'gateway'], hosts: { 'a.example.com': 'ppl' } })).toEqual([
      ...under,
      'a.example.com/ ppl',
      '/ cookie',
      '/ gateway',
    ]);
  });

  it('leave out closed contracts', () => {
    expect(plan({ enabled: ['ppl'], root: ['cookie', 'ppl'] })).toEqual(['/contracts/ppl ppl', '/ ppl']);
    expect(plan({ enabled: [], root: ['cookie'] })).toEqual([]);
  });

  it.each<[Wishes, RegExp]>([
    [
      { enabled: ['kyed'] },
      /contracts\.enabled: there is no door "kyed".*cookie, flask, gateway, keyed, ppl/,
    ],
    [{ root: ['nope'] }, /contracts\.root: there is no door "nope"/],
    [{ hosts: { 'a.b': 'nope' } }, /contracts\.hosts: there is no door "nope"/],
    [{ tokens: { nope: { access: 1, refresh: 1 } } }, /contracts\.tokens: there is no door "nope"/],
    [{ enabled: ['ppl'], hosts: { 'a.b': 'keyed' } }, /contracts\.hosts: a\.b .* keyed.*contracts\.enabled/],
    [
      { root: ['keyed', 'flask'] },
      /POST \/api\/v1\/users \(keyed and flask\).*POST \/api\/v1\/auth\/login \(keyed and flask\).*GET \/docs/,
    ],
    [{ root: ['gateway', 'ppl'] }, /POST \/api\/v1\/auth\/register \(gateway and ppl\)/],
    [{ root: ['keyed', 'gateway'] }, /POST \/api\/v1\/auth\/login \(keyed and gateway\)/],
    [{ root: ['cookie', 'ppl'] }, /GET \/docs \(cookie and ppl\)/],
  ])('refuse invalid settings: %j', (wishes, message) => {
    expect(() => plan(wishes)).toThrow(message);
  });

  it('compare path parameters as the router does', () => {
    const me = otherContract('me', '/x', '/users/me');
    const any = otherContract('any', '/x', '/users/{id}');
    const deeper = otherContract('deeper', '/x', '/users/{id}/keys');
    expect(() => plan({ root: ['me', 'any'] }, [me, any])).toThrow(/\/x\/users\/\{id\} \(me and any\)/);
    expect(plan({ root: ['me', 'deeper'] }, [me, deeper])).toContain('/ deeper');
  });

  it.each([
    '/register',
    '/oauth2/token',
    '/account/me',
    '/api/v2/users',
    '/contracts/x',
    '/device',
    '/undo',
    '/signed-out',
    '/upstream/acme/callback',
    '/.well-known/openid-configuration',
    '/metrics',
    '/dev/mail',
    // Reserved for the console.
    '/admin/users',
    // Each of these could match a path of Postern's own.
    '/{page}',
    '/{page}/callback',
    '/api/{version}/users',
  ])('refuse a contract at the root with a path of Postern: %s', (path) => {
    const contract = otherContract('bold', '', path);
    expect(() => plan({ root: ['bold'] }, [contract])).toThrow(`${path} (bold and Postern itself)`);
    expect(plan({}, [contract])).toEqual(['/contracts/bold bold']);
  });

  it.each(['/passkey', '/second-factor', '/devices', '/api/v3/users'])(
    'accept a contract at the root with a path beside Postern’s own: %s',
    (path) => {
      const contract = otherContract('bold', '', path);
      expect(plan({ root: ['bold'] }, [contract])).toContain('/ bold');
    },
  );

  it('are checked at start: two contracts with one route stop the server', async () => {
    const { url: databaseUrl } = await createDatabase();
    const settings = { contracts: { root: ['flask', 'ppl'] } };
    await expect(startPostern({ databaseUrl, settings })).rejects.toThrow(
      /contracts\.root: these routes are claimed twice: .*POST \/api\/v1\/auth\/login \(flask and ppl\)/,
    );
    const listed = await runCli(['contract', 'list'], { databaseUrl, settings });
    expect(listed).toMatchObject({ code: 1, stderr: expect.stringContaining('(flask and ppl)') });
  });

  it('are only those of CONTRACTS in production', async () => {
    const { url: databaseUrl } = await createDatabase();
    const postern = await startPostern({
      databaseUrl,
      env: {
        NODE_ENV: 'production',
        PUBLIC_URL: 'https://login.example.com',
        WEB_CONCURRENCY: '1',
        ADMIN_EMAIL: 'root@example.test',
        CONTRACTS: 'ppl',
      },
    });
    const send = sendToHost(postern.port, 'login.example.com');
    const requests = allContracts.flatMap(({ name, basePath, openapiPath, operations }) =>
      [...operations.map(({ path }) => `${basePath}${path}`), openapiPath].flatMap((path) => [
        { name, path: `/contracts/${name}${path}` },
        // At the root, where development mounts two contracts.
        { name: '', path },
      ]),
    );
    for (const { name, path } of requests) {
      const url = `https://login.example.com${path}`;
      const { status } = await send({ method: 'GET', url, headers: {} });
      expect([path, status === 404]).toEqual([path, name !== 'ppl']);
    }
    // The log is written in batches.
    await until(() =>
      postern.output().includes('"contracts":["ppl"],"msg":"open contracts: ppl. Set CONTRACTS'),
    );
  });

  it('answer only for open contracts', async () => {
    const server = await startContractServer({
      contracts: {
        enabled: ['ppl', 'gateway'],
        root: ['gateway', 'cookie'],
        hosts: { 'ppl.example.test': 'ppl' },
      },
    });
    const status = async (path: string) => (await fetch(`${server.url}${path}`)).status;
    expect(await status('/contracts/ppl/api/v1/health/health')).toBe(200);
    expect(await status('/contracts/gateway/api/v1/auth/health')).toBe(200);
    expect(await status('/api/v1/auth/health')).toBe(200);
    for (const path of [
      '/contracts/cookie/health',
      '/health',
      '/contracts/keyed/docs',
      '/docs',
      '/api/v1/health/health',
      '/contracts/nope/x',
      '/contracts',
      '/contracts/',
    ])
      expect([path, await status(path)]).toEqual([path, 404]);
    const listed = await runCli(['contract', 'list', '--json'], { env: server.postern.env });
    const all = (JSON.parse(listed.stdout) as { doors: Record<string, unknown>[] }).doors;
    expect(all.map(({ name, open, urls }) => [name, open, urls])).toEqual([
      ['cookie', false, []],
      ['flask', false, []],
      ['gateway', true, [`${server.url}/contracts/gateway`, server.url]],
      ['keyed', false, []],
      ['ppl', true, [`${server.url}/contracts/ppl`, 'http://ppl.example.test']],
    ]);
    // A closed contract issues nothing, and its client is unknown.
    const body = new URLSearchParams({
      client_id: 'contract:cookie',
      grant_type: 'refresh_token',
      refresh_token: 'x',
    });
    const reply = await fetch(`${server.url}/oauth2/token`, { method: 'POST', body });
    expect(await reply.json()).toMatchObject({ error: 'invalid_client' });
  });
});
