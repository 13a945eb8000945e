import { beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { Redis } from 'ioredis';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import { createLogger } from '../../src/core/logger.ts';
import { execute, type PostgresServer } from '../support/postgres-server.ts';
import { startPostgres } from '../support/postgres.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedis } from '../support/redis.ts';
import {
  authorizationUrl,
  exchange,
  introspect,
  post,
  refresh,
  signIn,
  type Tokens,
  userinfo,
} from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { UserAgent } from './support/user-agent.ts';

describe('when a store fails:', () => {
  let redis: RedisServer;
  let postgres: PostgresServer;
  let provider: Provider;
  let client: Client;
  let service: Client;
  let person: Person;
  let agent: UserAgent;
  let tokens: Tokens;

  beforeAll(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
    await migrate(postgres.databaseUrl(), createLogger('silent'));
    // What was acknowledged must survive a crash here, unlike in the other tests.
    await execute(postgres.databaseUrl(), 'alter database postern set synchronous_commit = on');
    provider = await startProvider({ databaseUrl: postgres.databaseUrl(), redisUrl: redis.url });
    [client, service, person] = await Promise.all([
      provider.createClient(),
      provider.createClient({ grant_types: ['client_credentials'] }),
      provider.createPerson(),
    ]);
    agent = new UserAgent(provider.url);
    tokens = await signIn(provider, client, person, { agent });
  });

  const own = async () =>
    (await post<Tokens>(provider, 'token', service, { grant_type: 'client_credentials' })).body.access_token;
  const silently = () => agent.open(authorizationUrl(provider, client, { prompt: 'none' }));
  /** One of the two clients is allowed to introspect it. */
  const isActive = async (token: string) => {
    const told = await Promise.all([service, client].map((own) => introspect(provider, own, token)));
    return told.some(({ body }) => body['active'] === true);
  };
  const becomes = async (status: number) => {
    const deadline = Date.now() + 30_000;
    const current = async () => (await fetch(`${provider.url}/readyz`)).status;
    while ((await current()) !== status) {
      if (Date.now() > deadline) throw new Error(`/readyz is still ${await current()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };

  /** Everything in PostgreSQL still works, and what was revoked stays revoked. */
  async function expectNothingLost(revoked: string[]): Promise<void> {
    expect((await silently()).leftFor?.searchParams.has('code')).toBe(true);
    const refreshed = await refresh(provider, client, tokens.refresh_token);
    expect(refreshed.status).toBe(200);
    tokens = refreshed.body;
    expect(await userinfo(provider, tokens.access_token)).toMatchObject({ status: 200 });
    for (const token of revoked) expect(await isActive(token)).toBe(false);
  }

  async function revokedTokens(): Promise<string[]> {
    const jwt = await own();
    const other = await signIn(provider, client, person, { agent: new UserAgent(provider.url) });
    await post(provider, 'revoke', service, { token: jwt });
    await post(provider, 'revoke', client, { token: other.refresh_token });
    expect(await isActive(jwt)).toBe(false);
    return [jwt, other.access_token, other.refresh_token];
  }

  it('FLUSHALL ends no login and restores no revoked token', async () => {
    const [revoked, kept] = [await revokedTokens(), await own()];
    const admin = new Redis(redis.url);
    await admin.flushall();
    admin.disconnect();
    await expectNothingLost(revoked);
    expect(await isActive(kept)).toBe(true);
  });

  it('stopped Redis means 503 with Retry-After, /readyz names it, and it recovers by itself', async () => {
    const [revoked, kept] = [await revokedTokens(), await own()];
    const opened = await fetch(`${provider.url}/device`);
    const xsrf = / name="xsrf" value="([^"]+)"/.exec(await opened.text())?.[1] ?? '';
    await redis.stop();
    // A form posted by a browser, not by a program.
    const headers = {
      'accept': 'text/html',
      'sec-fetch-mode': 'navigate',
      'content-type': 'application/x-www-form-urlencoded',
      'cookie': opened.headers
        .getSetCookie()
        .map((cookie) => cookie.split(';', 1)[0])
        .join('; '),
    };
    const body = new URLSearchParams({ xsrf, user_code: 'BBBB-BBBB' }).toString();
    const form = await request(`${provider.url}/device`, { method: 'POST', headers, body });
    expect(form.statusCode).toBe(503);
    expect(await form.body.text()).toContain('</html>');
    const page = await agent.open(authorizationUrl(provider, client));
    expect(page).toMatchObject({ status: 503, leftFor: null });
    expect(page.headers.get('retry-after')).toMatch(/^\d+$/);
    const token = await exchange(provider, client, 'a-code');
    expect(token).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(token.headers.get('retry-after')).toMatch(/^\d+$/);
    await becomes(503);
    expect(await (await fetch(`${provider.url}/readyz`)).text()).toMatch(/redis/);
    // A revoked token is not accepted just because nobody can be asked.
    for (const jwt of revoked.filter((one) => one.includes('.')))
      expect((await introspect(provider, service, jwt)).body['active']).not.toBe(true);

    await redis.start();
    await becomes(200);
    await expectNothingLost(revoked);
    expect(await isActive(kept)).toBe(true);
  });

  it('stopped PostgreSQL means 503 with Retry-After, and it recovers by itself', async () => {
    const revoked = await revokedTokens();
    await postgres.stop();
    const refused = await refresh(provider, client, tokens.refresh_token);
    expect(refused).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    const page = await agent.open(authorizationUrl(provider, client), { accept: 'text/html' });
    expect(page).toMatchObject({ status: 503, leftFor: null });
    expect(page.html).not.toMatch(/ECONNREFUSED|node_modules/);
    await becomes(503);
    expect(await (await fetch(`${provider.url}/readyz`)).text()).toMatch(/postgres/);
    expect(await fetch(`${provider.url}/livez`)).toMatchObject({ status: 200 });
    expect(await fetch(`${provider.url}/.well-known/openid-configuration`)).toMatchObject({ status: 200 });

    await postgres.start();
    await becomes(200);
    await expectNothingLost(revoked);
  });

  it('killed PostgreSQL loses nothing that was acknowledged', async () => {
    await postgres.kill();
    expect((await refresh(provider, client, tokens.refresh_token)).status).toBe(503);
    await postgres.start();
    await becomes(200);
    await expectNothingLost([]);
  });
});
