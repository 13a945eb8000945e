import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  authorizationUrl,
  authorize,
  exchange,
  introspect,
  post,
  refresh,
  signIn,
  userinfo,
} from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider, STORES } from '../oidc/support/provider.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { freePort } from '../support/ports.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import { redisUrl } from '../support/redis.ts';
import { type SlowProxy, startSlowProxy } from '../support/slow-proxy.ts';
import { until } from '../support/until.ts';

/** A node under its own address. */
interface Node {
  url: string;
}

describe.each(STORES)('two nodes on %s, used in turn,', (stores) => {
  let provider: Provider;
  let balancer: Balancer;
  let nodes: [Postern, Postern];
  let client: Client;
  let person: Person;

  const nodeLike = ({ env: { PORT: _port, ...env } }: Postern, port?: number) =>
    startPostern({ env: { ...env, ...(port === undefined ? {} : { PORT: String(port) }) } });
  const at = (index: 0 | 1): Node => ({ url: `http://localhost:${nodes[index].port}` });

  beforeAll(async () => {
    balancer = await startBalancer();
    provider = await startProvider({
      stores,
      env: { PUBLIC_URL: balancer.url },
      settings: { keys: { lead: 3 } },
    });
    nodes = [provider.postern, await nodeLike(provider.postern)];
    balancer.use(nodes[0].port, nodes[1].port);
    [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
  });

  /** A sign-in, a refresh and a logout, calling `between` before each request. */
  async function goThrough(between: () => Promise<void>): Promise<void> {
    const agent = new UserAgent(provider.url);
    const submit = async (page: Page, values: Record<string, string>, form: string) => {
      await between();
      return agent.submit(page, values, form);
    };
    const parameters = { scope: 'openid email offline_access', prompt: 'consent' };
    await between();
    const start = await agent.open(authorizationUrl(provider, client, parameters));
    const signedIn = await submit(start, { identifier: person.email, password: person.password }, '/sign-in');
    const { leftFor } = await submit(signedIn, { decision: 'allow' }, '/consent');
    await between();
    const first = await exchange(provider, client, leftFor?.searchParams.get('code') ?? '');
    expect(first.status).toBe(200);
    await between();
    const { status, body } = await refresh(provider, client, first.body.refresh_token);
    expect(status).toBe(200);
    await between();
    expect((await userinfo(provider, body.access_token)).body).toMatchObject({ email: person.email });
    const silently = () =>
      agent.open(authorizationUrl(provider, client, { scope: 'openid email', prompt: 'none' }));
    await between();
    expect((await silently()).leftFor?.searchParams.has('code')).toBe(true);
    await between();
    const asked = await agent.open(`${provider.url}/oauth2/logout?id_token_hint=${first.body.id_token}`);
    if (asked.html.includes('<form')) await submit(asked, { logout: 'yes' }, '');
    await between();
    expect((await silently()).leftFor?.searchParams.get('error')).toBe('login_required');
    // Offline access survives the session.
    expect((await refresh(provider, client, body.refresh_token)).status).toBe(200);
  }

  it('continue a login, a refresh and a logout where the other one stopped', async () => {
    let turn = 0;
    await goThrough(async () => balancer.use(nodes[(turn += 1) % 2 ? 0 : 1].port));
    balancer.use(nodes[0].port, nodes[1].port);
  });

  it('lose nothing when nodes are killed during these, and restarted', async () => {
    let step = 0;
    await goThrough(async () => {
      step += 1;
      if (step % 2 === 1) return;
      const [first, second] = nodes;
      balancer.use(second.port);
      await first.stop('SIGKILL');
      nodes = [second, await nodeLike(second, first.port)];
    });
    balancer.use(nodes[0].port, nodes[1].port);
  });

  it('sign and verify for each other during a key rotation', async () => {
    const service = await provider.createClient({ grant_types: ['client_credentials'] });
    const seen = new Set<unknown>();
    const on = { is: true };
    const loop = (async () => {
      for (let turn = 0; on.is; turn += 1) {
        const [here, there] = turn % 2 ? [at(0), at(1)] : [at(1), at(0)];
        const { body } = await post<{ access_token: string }>(here, 'token', service, {
          grant_type: 'client_credentials',
        });
        const header = body.access_token.split('.')[0] ?? '';
        seen.add((JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid);
        expect((await introspect(there, service, body.access_token)).body['active']).toBe(true);
      }
    })();
    loop.catch(() => (on.is = false));
    try {
      const before = seen.size;
      const { code } = await runCli(['key', 'rotate'], { env: nodes[0].env });
      expect(code).toBe(0);
      await until(() => !on.is || seen.size > before);
    } finally {
      on.is = false;
      await loop;
    }
  });

  it('both know a configuration applied on one of them', async () => {
    const file = path.join(await temporaryFolder(), 'postern.yaml');
    const id = 'applied';
    const redirectUri = client.redirectUri;
    await writeFile(
      file,
      JSON.stringify({
        owner: 'test',
        clients: [{ client_id: id, name: 'Applied', public: true, redirect_uris: [redirectUri] }],
      }),
    );
    const { code, stderr } = await runCli(['apply', '-f', file, '--yes'], { env: nodes[0].env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { url } of [at(0), at(1)])
      await until(async () => {
        const asked = authorizationUrl({ url }, { id, secret: '', redirectUri });
        return (await fetch(asked, { redirect: 'manual' })).status === 303;
      });
  });

  it('count wrong passwords together', async () => {
    const somebody = await provider.createPerson();
    const login = async ({ url }: Node, password: string) =>
      (
        await fetch(`${url}/api/v1/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username: somebody.username, password }),
        })
      ).status;
    for (let attempt = 0; attempt < 5; attempt += 1)
      expect(await login(at(attempt % 2 ? 0 : 1), 'wrong, all of it')).toBe(401);
    for (const node of [at(0), at(1)]) expect(await login(node, somebody.password)).toBe(423);
  });
});

describe('a node that cannot reach Redis, beside one that can,', () => {
  let provider: Provider;
  let proxy: SlowProxy;
  let cutOff: Node;
  let redisPort: number;
  let client: Client;
  let service: Client;
  let person: Person;

  beforeAll(async () => {
    const redis = await redisUrl();
    redisPort = Number(new URL(redis).port);
    proxy = await startSlowProxy(redisPort);
    provider = await startProvider({ redisUrl: redis });
    const { PORT: _port, ...env } = provider.postern.env;
    const node = await startPostern({
      env: { ...env, REDIS_URL: redis.replace(`:${redisPort}`, `:${proxy.port}`) },
    });
    cutOff = { url: `http://localhost:${node.port}` };
    [client, service, person] = await Promise.all([
      provider.createClient(),
      provider.createClient({ grant_types: ['client_credentials'] }),
      provider.createPerson(),
    ]);
  });

  const isReady = async () => (await fetch(`${cutOff.url}/readyz`)).status === 200;

  it('says so, uses up no code, accepts no revoked token, and recovers', async () => {
    const agent = new UserAgent(provider.url);
    const tokens = await signIn(provider, client, person, { agent });
    const issue = async () =>
      (await post<{ access_token: string }>(provider, 'token', service, { grant_type: 'client_credentials' }))
        .body.access_token;
    const [revokedThere, revokedHere, kept] = [await issue(), await issue(), await issue()];

    proxy.aim(await freePort());
    proxy.cut();
    await until(async () => !(await isReady()));
    const code = (await authorize(provider, agent, client, person)).get('code') ?? '';
    const refused = await exchange(cutOff, client, code);
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([503, true]);
    expect((await exchange(provider, client, code)).status).toBe(200);

    await post(provider, 'revoke', service, { token: revokedThere });
    expect((await introspect(cutOff, service, revokedThere)).body['active']).not.toBe(true);
    const { status } = await post(cutOff, 'revoke', service, { token: revokedHere });
    expect([200, 503]).toContain(status);
    if (status === 200) expect((await introspect(provider, service, revokedHere)).body['active']).toBe(false);
    // What only PostgreSQL has goes on, or is postponed: a refusal uses nothing up.
    const rotated = await refresh(cutOff, client, tokens.refresh_token);
    expect([200, 503]).toContain(rotated.status);

    proxy.aim(redisPort);
    await until(isReady);
    expect((await introspect(cutOff, service, revokedThere)).body).toEqual({ active: false });
    if (status === 200)
      expect((await introspect(cutOff, service, revokedHere)).body).toEqual({ active: false });
    expect((await introspect(cutOff, service, kept)).body['active']).toBe(true);
    const next = rotated.status === 200 ? rotated.body.refresh_token : tokens.refresh_token;
    expect((await refresh(cutOff, client, next)).status).toBe(200);
  });
});
