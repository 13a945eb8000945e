import { expect, it } from '@jest/globals';
import { authorize, exchange, introspect, post, refresh, signIn, userinfo } from '../oidc/support/flow.ts';
import { type Client, type Person, REDIRECT_URI } from '../oidc/support/provider.ts';
import { UserAgent } from '../oidc/support/user-agent.ts';
import { type Balancer, startBalancer } from '../support/balancer.ts';
import { baseline } from '../support/baseline.ts';
import { type Postern, type PosternOptions, runCli, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { redisUrl } from '../support/redis.ts';
import { until } from '../support/until.ts';

const limits = { credentials: { requests: 100_000 }, ordinary: { requests: 100_000 } };
const settings = {
  passwords: { argon2: { memory: 64, time: 1, parallelism: 1 } },
  contracts: { limits },
};

/** Milliseconds for the start of five servers and hundreds of requests on a busy machine. */
const PATIENCE = 600_000;

const PASSWORD = 'three unrelated words';

async function gateway<T = Record<string, string>>(url: string, path: string, sent: object): Promise<T> {
  const reply = await fetch(`${url}/api/v1/auth${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(sent),
  });
  expect([200, 201]).toContain(reply.status);
  return (await reply.json()) as T;
}

async function register(url: string, username: string): Promise<Person> {
  const email = `${username}@example.test`;
  const { id = '' } = await gateway(url, '/register', { username, email, password: PASSWORD });
  return { id, username, email, password: PASSWORD };
}

async function createClient({ env }: Postern, root?: string): Promise<Client> {
  const args = ['client', 'create', '--name', 'App', '--redirect-uri', REDIRECT_URI, '--json'];
  for (const grant of ['authorization_code', 'refresh_token']) args.push('--grant', grant);
  const { stdout, stderr } = await runCli(args, { env, ...(root === undefined ? {} : { root }) });
  expect(stderr).toBe('');
  const { client_id: id, client_secret: secret } = JSON.parse(stdout) as Record<string, string>;
  return { id: id!, secret: secret!, redirectUri: REDIRECT_URI };
}

/**
 * A person who uses the app, the old app and the pages repeatedly. Each round uses what the previous one was
 * issued.
 */
async function use(
  provider: { url: string },
  app: Client,
  username: string,
  on: { is: boolean; rounds: number },
) {
  const person = await register(provider.url, username);
  const parameters = { scope: 'openid profile email offline_access', prompt: 'consent' };
  let { refresh_token: kept } = await signIn(provider, app, person, { parameters });
  let agent = new UserAgent(provider.url);
  let old = await gateway(provider.url, '/login', { username, password: PASSWORD });
  for (let round = 1; on.is; round += 1) {
    if (round % 3 === 0) agent = new UserAgent(provider.url);
    const code = (await authorize(provider, agent, app, person)).get('code') ?? '';
    const { status, body } = await exchange(provider, app, code);
    expect(status).toBe(200);
    expect((await userinfo(provider, body.access_token)).body).toMatchObject({ email: person.email });

    const refreshed = await refresh(provider, app, kept);
    expect(refreshed).toMatchObject({ status: 200, body: { scope: parameters.scope } });
    kept = refreshed.body.refresh_token;
    expect((await introspect(provider, app, refreshed.body.access_token)).body).toMatchObject({
      active: true,
    });
    // This ends its grant, to which the kept token does not belong.
    await post(provider, 'revoke', app, { token: body.access_token });
    expect((await introspect(provider, app, body.access_token)).body).toEqual({ active: false });

    old = await gateway(provider.url, '/refresh', { refreshToken: old['refreshToken'] });
    expect(await gateway(provider.url, '/validate', { token: old['accessToken'] })).toMatchObject({
      valid: true,
    });
    for (const path of ['/account', '/account/apps'])
      expect((await agent.open(`${provider.url}${path}`)).status).toBe(200);
    on.rounds += 1;
  }
}

/** Runs while people use the nodes behind the balancer. `moreRounds` waits until each phase has been used. */
async function underTraffic(
  balancer: Balancer,
  app: Client,
  work: (moreRounds: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const on = { is: true, rounds: 0 };
  const people = ['ada', 'grace'].map((name) => use(balancer, app, name, on));
  const failed = Promise.all(people);
  // A failure ends the wait.
  const moreRounds = async () => {
    const enough = on.rounds + 4;
    await Promise.race([until(() => on.rounds >= enough || !on.is), failed]);
  };
  try {
    await moreRounds();
    await work(moreRounds);
    on.is = false;
    await failed;
  } finally {
    on.is = false;
    await Promise.allSettled(people);
  }
}

it(
  'an upgrade node by node under traffic, and a rollback: neither version refuses what the other issued',
  async () => {
    const balancer = await startBalancer();
    const [root, { url: databaseUrl }, redis] = await Promise.all([
      baseline(),
      createDatabase({ template: 'template1' }),
      redisUrl(),
    ]);
    const options: PosternOptions = {
      databaseUrl,
      redisUrl: redis,
      settings,
      env: { PUBLIC_URL: balancer.url },
    };
    const former = await startPostern({ ...options, root });
    balancer.use(former.port);
    const app = await createClient(former, root);
    await underTraffic(balancer, app, async (moreRounds) => {
      // The new version migrates the database used by the old one.
      const next = await startPostern(options);
      balancer.use(former.port, next.port);
      await moreRounds();
      // The commands of each version, beside both servers.
      for (const [command, at] of [
        ['user', root],
        ['audit', undefined],
      ] as const) {
        const { code, stderr } = await runCli([command, 'list', '--json'], {
          env: former.env,
          ...(at === undefined ? {} : { root: at }),
        });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      }
      // An old node restarts on the migrated database.
      const again = await startPostern({ ...options, root });
      balancer.use(again.port, next.port);
      await former.stop();
      await moreRounds();
      // The upgrade is rolled back, then made for good.
      balancer.use(again.port);
      await moreRounds();
      balancer.use(next.port);
      await again.stop();
      await moreRounds();
    });
    const bad = [...balancer.replies.keys()].filter((key) => !/ (?:[23]\d\d|400)$/.test(key));
    expect(bad).toEqual([]);
  },
  PATIENCE,
);

it(
  'the previous version can join a database created by this one',
  async () => {
    const balancer = await startBalancer();
    const options: PosternOptions = {
      databaseUrl: (await createDatabase()).url,
      settings,
      env: { PUBLIC_URL: balancer.url },
    };
    const [next, former] = await Promise.all([
      startPostern(options),
      startPostern({ ...options, root: await baseline() }),
    ]);
    balancer.use(next.port, former.port);
    await underTraffic(balancer, await createClient(next), (moreRounds) => moreRounds());
  },
  PATIENCE,
);
