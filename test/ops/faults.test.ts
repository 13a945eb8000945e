import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client as Connection } from 'pg';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import { createLogger } from '../../src/core/logger.ts';
import { atOnce, authorizationUrl, introspect, post, refresh, signIn } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { atEnd } from '../support/cleanup.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPostgres } from '../support/postgres.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedis } from '../support/redis.ts';
import { type SlowProxy, startSlowProxy } from '../support/slow-proxy.ts';
import { until } from '../support/until.ts';
import { outcomeOf, watchDuring } from './support/fault.ts';

let postgres: PostgresServer;
let redis: RedisServer;
let proxies: Record<'PostgreSQL' | 'Redis', SlowProxy>;
let provider: Provider;
let app: Client;
let service: Client;
let person: Person;
let kept: string;
let hangers: Hanger[];

/** A client that never finishes its request. */
interface Hanger {
  name: string;
  /** What it receives before it is cut off, and after how many milliseconds that happens. */
  ended: Promise<{ told: string; took: number }>;
}

/** Waits until a connection is closed, also by a reset. */
const closeOf = (socket: Socket) => new Promise<unknown>((resolve) => socket.once('close', resolve));

/** Starts a client that sends `start`, then `more` every half second. */
async function hang(name: string, start: string, more = ''): Promise<Hanger> {
  const socket = connect(provider.postern.port, '127.0.0.1');
  atEnd(async () => void socket.destroy());
  await once(socket, 'connect');
  const startedAt = performance.now();
  let told = '';
  socket.setEncoding('latin1').on('data', (text: string) => (told += text));
  socket.on('error', () => undefined);
  if (start) socket.write(start);
  const timer = setInterval(() => more && socket.writable && socket.write(more), 500);
  const ended = closeOf(socket).then(() => {
    clearInterval(timer);
    return { told, took: performance.now() - startedAt };
  });
  return { name, ended };
}

/** Clients of each kind that never finish their request. */
const HANGERS = 50;

const HEAD = 'POST /oauth2/token HTTP/1.1\r\nhost: localhost\r\n';

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis(['--maxmemory-policy', 'allkeys-lru'])]);
  await migrate(postgres.databaseUrl(), createLogger('silent'));
  proxies = { PostgreSQL: await startSlowProxy(postgres.port), Redis: await startSlowProxy(redis.port) };
  const { PostgreSQL, Redis: before } = proxies;
  provider = await startProvider({
    databaseUrl: postgres.databaseUrl().replace(`:${postgres.port}/`, `:${PostgreSQL.port}/`),
    redisUrl: `redis://127.0.0.1:${before.port}`,
    settings: {
      // Endless senders are cut off while the other tests run.
      http: { requestTimeout: 10, trustedProxies: ['loopback'] },
      contracts: { limits: { credentials: { requests: 10_000 }, ordinary: { requests: 10_000 } } },
    },
  });
  [app, service, person] = await Promise.all([
    provider.createClient(),
    provider.createClient({ grant_types: ['client_credentials'] }),
    provider.createPerson(),
  ]);
  ({ refresh_token: kept } = await signIn(provider, app, person, {
    parameters: { scope: 'openid offline_access', prompt: 'consent' },
  }));
  const body = 'content-type: application/x-www-form-urlencoded\r\ncontent-length: 9999\r\n\r\n';
  hangers = (
    await atOnce(HANGERS, () =>
      Promise.all([
        hang('half-open connections', ''),
        hang('slow headers', HEAD, 'x-more: 1\r\n'),
        hang('slow bodies', `${HEAD}${body}`, 'a'),
        hang('chunked bodies without end', `${HEAD}transfer-encoding: chunked\r\n\r\n`, '1\r\na\r\n'),
      ]),
    )
  ).flat();
});

const readyz = async () => {
  const reply = await fetch(`${provider.url}/readyz`);
  return {
    status: reply.status,
    body: (await reply.json()) as { checks: Record<string, { reason?: string }> },
  };
};

const login = (signal: AbortSignal | null = null) =>
  fetch(`${provider.url}/api/v1/auth/login`, {
    method: 'POST',
    signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: person.username, password: person.password }),
  });

const issue = () =>
  post<{ access_token: string }>(provider, 'token', service, { grant_type: 'client_credentials' });

let visitors = 0;
/** Opens a sign-in from a new address: the number of open interactions of one is limited. */
const openSignIn = () => {
  visitors += 1;
  const from = `10.0.${Math.floor(visitors / 256) % 256}.${visitors % 256}`;
  const headers = { 'x-forwarded-for': from };
  return fetch(authorizationUrl(provider, app), { redirect: 'manual', headers });
};

/** One request of each kind. */
const KINDS: readonly (() => Promise<{ status: number; headers: Headers }>)[] = [
  issue,
  async () => {
    const { body } = await issue().catch(() => ({ body: { access_token: 'unknown' } }));
    return introspect(provider, service, body.access_token);
  },
  login,
  openSignIn,
];

/** A request of a client: each sends those of one kind. */
const ask = async (client: number): Promise<string> =>
  outcomeOf(await KINDS[client % KINDS.length]!(), [200, 303]);

const OUTAGE = ['503', 'fine'];

/** Nothing is lost: tokens from before serve, and no request that was refused has been carried out. */
async function expectNothingLost(): Promise<void> {
  const { status, body } = await refresh(provider, app, kept);
  expect(status).toBe(200);
  kept = body.refresh_token;
}

it('a Redis that answers after 10 seconds is an outage, which ends when it answers in time', async () => {
  const watch = await watchDuring('Redis answers after 10 s', ask, async (watch, answered) => {
    watch.begins();
    proxies.Redis.delay(10_000);
    await answered(4, '503');
    expect((await readyz()).status).toBe(503);
    expect((await fetch(`${provider.url}/livez`)).status).toBe(200);
    watch.ends();
    proxies.Redis.delay(0);
    await answered(64);
  });
  expect(watch.outcomes).toEqual(OUTAGE);
  await expectNothingLost();
  await watch.report('nothing');
});

it('a PostgreSQL that answers each statement after 10 seconds is an outage for every request, and no connection is leaked', async () => {
  const accounts = async () => (await provider.sql('select count(*)::int as n from users'))[0]!['n'];
  const before = await accounts();
  let people = 0;
  const register = () => {
    const username = `slow${(people += 1)}`;
    return fetch(`${provider.url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, email: `${username}@example.test`, password: person.password }),
    });
  };
  const watch = await watchDuring('PostgreSQL answers after 10 s', ask, async (watch, answered) => {
    watch.begins();
    proxies.PostgreSQL.delay(10_000);
    // More than the pool has connections.
    const replies = await Promise.all([
      ...Array.from({ length: 30 }, () => login()),
      ...Array.from({ length: 10 }, register),
    ]);
    expect(new Set(replies.map((reply) => outcomeOf(reply)))).toEqual(new Set(['503']));
    await answered(4, '503');
    expect((await readyz()).status).toBe(503);
    expect((await fetch(`${provider.url}/livez`)).status).toBe(200);
    watch.ends();
    proxies.PostgreSQL.delay(0);
    await answered(64);
  });
  expect(watch.outcomes).toEqual(OUTAGE);
  expect(await accounts()).toBe(before);
  await expectNothingLost();
  await watch.report('nothing');
});

it('a lock that blocks all logins fills the pool: waiting requests get 503, and it recovers when the lock is released', async () => {
  const holder = new Connection({ connectionString: postgres.databaseUrl() });
  await holder.connect();
  const watch = await watchDuring('all connections wait for a lock', ask, async (watch, answered) => {
    watch.begins();
    await holder.query('begin; lock table users in access exclusive mode');
    const waiting = await Promise.all(Array.from({ length: 40 }, () => login()));
    expect(new Set(waiting.map((reply) => outcomeOf(reply)))).toEqual(new Set(['503']));
    await answered(4, '503');
    expect((await fetch(`${provider.url}/livez`)).status).toBe(200);
    watch.ends();
    await holder.query('rollback');
    await answered(64);
  });
  await holder.end();
  expect(watch.outcomes).toEqual(OUTAGE);
  await expectNothingLost();
  await watch.report('nothing');
});

it('a Redis that may evict is warned of at start, and makes the server not ready once it has evicted', async () => {
  expect(provider.postern.output()).toMatch(/"policy":"allkeys-lru".*may evict/);
  const admin = new Redis(redis.url);
  const watch = await watchDuring('Redis evicts', ask, async (watch, answered) => {
    watch.begins();
    await admin.config('SET', 'maxmemory', '3mb');
    for (let index = 0; !/evicted_keys:[1-9]/.test(await admin.info('stats')); index += 1)
      await admin.set(`filler-${index}`, 'x'.repeat(100_000));
    await until(async () => (await readyz()).status === 503);
    expect((await readyz()).body.checks['redis']?.reason).toMatch(
      /^maxmemory-policy is allkeys-lru: \d+ keys/,
    );
    await admin.flushall();
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    watch.ends();
    await answered(16);
  });
  admin.disconnect();
  expect(watch.outcomes).toEqual(['fine']);
  // Refresh tokens and revocations are in PostgreSQL.
  await expectNothingLost();
  await watch.report('what was evicted: logins under way');
  await until(async () => (await readyz()).status === 200);
});

it('clients that pipeline a thousand requests and read nothing delay nobody else', async () => {
  const greedy: Socket[] = [];
  const watch = await watchDuring(
    '200 connections send 1,000 requests at once and read nothing',
    ask,
    async (watch, answered) => {
      watch.begins();
      for (let index = 0; index < 200; index += 1) {
        const socket = connect(provider.postern.port, '127.0.0.1');
        greedy.push(socket.on('error', () => undefined));
        await once(socket, 'connect');
        socket.pause();
        socket.write(
          'GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(1000),
        );
      }
      await answered(64);
      watch.ends();
      for (const socket of greedy) socket.destroy();
      await answered(16);
    },
  );
  expect(watch.outcomes).toEqual(['fine']);
  await watch.report('nothing');
});

it('pipelined requests are answered in order, and a connection with more than a hundred is cut off', async () => {
  const pipeline = async (count: number): Promise<string[]> => {
    const socket = connect(provider.postern.port, '127.0.0.1');
    await once(socket, 'connect');
    let told = '';
    socket.setEncoding('latin1').on('data', (text: string) => (told += text));
    socket.on('error', () => undefined);
    const closed = closeOf(socket);
    const paths = Array.from({ length: count }, (_, n) => (n % 3 === 0 ? '/livez' : '/nothing'));
    const request = (path: string, more = '') =>
      `GET ${path} HTTP/1.1\r\nhost: localhost:${provider.postern.port}\r\naccept: application/json\r\n${more}\r\n`;
    socket.write(paths.map((path) => request(path)).join('') + request('/livez', 'connection: close\r\n'));
    await closed;
    return told.match(/^HTTP\/1.1 \d+/gm) ?? [];
  };
  const statuses = Array.from({ length: 61 }, (_, n) => `HTTP/1.1 ${n % 3 === 0 ? 200 : 404}`);
  expect(await pipeline(60)).toEqual(statuses);
  expect((await pipeline(500)).length).toBeLessThan(101);
});

it('clients that never finish their request are cut off', async () => {
  const watch = await watchDuring(
    `${hangers.length} clients never finish their requests`,
    ask,
    async (watch, answered) => {
      await answered(16);
      watch.begins();
      watch.ends();
    },
  );
  expect(watch.outcomes).toEqual(['fine']);
  const ends = await Promise.all(hangers.map(async ({ name, ended }) => ({ name, ...(await ended) })));
  for (const { name, told } of ends)
    expect([name, told]).toEqual([name, expect.stringMatching(/^$|HTTP\/1.1 408 /)]);
  const longest = (name: string) =>
    Math.max(...ends.filter((one) => one.name === name).map(({ took }) => took));
  const after = [...new Set(ends.map(({ name }) => name))].map(
    (name) => `${name} cut off after ${(longest(name) / 1000).toFixed(0)} s`,
  );
  await watch.report(`nothing; ${after.join(', ')}`);
});
