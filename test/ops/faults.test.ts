import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client as Connection } from 'pg';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import { createLogger } from '../../src/core/logger.ts';
import { authorizationUrl, introspect, post } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { atEnd } from '../support/cleanup.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPostgres } from '../support/postgres.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedis } from '../support/redis.ts';
import { type SlowProxy, startSlowProxy } from '../support/slow-proxy.ts';
import { until } from '../support/until.ts';

let postgres: PostgresServer;
let redis: RedisServer;
let proxies: Record<'PostgreSQL' | 'Redis', SlowProxy>;
let provider: Provider;
let app: Client;
let service: Client;
let person: Person;
let hangers: { name: string; ended: Promise<string> }[];

/**
 * A client that sends `start`, then `more` every half second, and never finishes. @returns what it receives
 * before it is cut off.
 */
async function hang(name: string, start: string, more = ''): Promise<(typeof hangers)[number]> {
  const socket = connect(provider.postern.port, '127.0.0.1');
  atEnd(async () => void socket.destroy());
  await once(socket, 'connect');
  let told = '';
  socket.setEncoding('latin1').on('data', (text: string) => (told += text));
  socket.on('error', () => undefined);
  if (start) socket.write(start);
  const timer = setInterval(() => more && socket.writable && socket.write(more), 500);
  const ended = once(socket, 'close').then(() => {
    clearInterval(timer);
    return told;
  });
  return { name, ended };
}

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
      http: { requestTimeout: 10 },
      contracts: { limits: { credentials: { requests: 10_000 }, ordinary: { requests: 10_000 } } },
    },
  });
  [app, service, person] = await Promise.all([
    provider.createClient(),
    provider.createClient({ grant_types: ['client_credentials'] }),
    provider.createPerson(),
  ]);
  hangers = await Promise.all([
    hang('says nothing', ''),
    hang('slow headers', HEAD, 'x-more: 1\r\n'),
    hang(
      'slow body',
      `${HEAD}content-type: application/x-www-form-urlencoded\r\ncontent-length: 9999\r\n\r\n`,
      'a',
    ),
    hang('no end of a chunked body', `${HEAD}transfer-encoding: chunked\r\n\r\n`, '1\r\na\r\n'),
  ]);
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

/** Sends one request of each kind. @returns their statuses, and whether a 503 has Retry-After. */
async function ask(): Promise<(number | string)[]> {
  const { body } = await issue().catch(() => ({ body: { access_token: '' } }));
  const replies: { status: number; headers: Headers }[] = await Promise.all([
    issue(),
    introspect(provider, service, body.access_token),
    login(),
    fetch(authorizationUrl(provider, app), { redirect: 'manual' }),
  ]);
  return replies.map(({ status, headers }) =>
    status === 503 ? `503 ${headers.get('retry-after') === null ? 'without' : 'with'} Retry-After` : status,
  );
}

const FINE = [200, 200, 200, 303];

const heals = () => until(async () => JSON.stringify(await ask()) === JSON.stringify(FINE));

it('a Redis that answers after 10 seconds is an outage, which ends when it answers in time', async () => {
  expect(await ask()).toEqual(FINE);
  proxies.Redis.delay(10_000);
  try {
    const statuses = new Set((await Promise.all(Array.from({ length: 5 }, ask))).flat());
    expect([...statuses].filter((status) => !FINE.includes(status as number))).toEqual([
      '503 with Retry-After',
    ]);
    expect((await readyz()).status).toBe(503);
    expect((await fetch(`${provider.url}/livez`)).status).toBe(200);
  } finally {
    proxies.Redis.delay(0);
  }
  await heals();
});

it('a PostgreSQL that answers each statement after 10 seconds is an outage for every request, and no connection is leaked', async () => {
  const accounts = async () => (await provider.sql('select count(*)::int as n from users'))[0]!['n'];
  const before = await accounts();
  proxies.PostgreSQL.delay(10_000);
  try {
    const register = (n: number) =>
      fetch(`${provider.url}/api/v1/auth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          username: `slow${n}`,
          email: `slow${n}@example.test`,
          password: person.password,
        }),
      });
    const replies = await Promise.all([
      ...Array.from({ length: 30 }, () => login()),
      ...Array.from({ length: 10 }, (_, n) => register(n)),
    ]);
    expect(new Set(replies.map(({ status, headers }) => `${status} ${headers.has('retry-after')}`))).toEqual(
      new Set(['503 true']),
    );
    expect((await readyz()).status).toBe(503);
    expect((await fetch(`${provider.url}/livez`)).status).toBe(200);
  } finally {
    proxies.PostgreSQL.delay(0);
  }
  await heals();
  expect(await accounts()).toBe(before);
});

it('a lock that blocks all logins fills the pool: waiting requests get 503, and it recovers when the lock is released', async () => {
  const holder = new Connection({ connectionString: postgres.databaseUrl() });
  await holder.connect();
  await holder.query('begin; lock table users in access exclusive mode');
  const waiting = await Promise.all(Array.from({ length: 40 }, () => login()));
  expect(new Set(waiting.map(({ status, headers }) => `${status} ${headers.has('retry-after')}`))).toEqual(
    new Set(['503 true']),
  );
  expect((await fetch(`${provider.url}/livez`)).status).toBe(200);
  await holder.query('rollback');
  await holder.end();
  await heals();
});

it('a Redis that may evict is warned of at start, and makes the server not ready once it has evicted', async () => {
  expect(provider.postern.output()).toMatch(/"policy":"allkeys-lru".*may evict/);
  const admin = new Redis(redis.url);
  await admin.config('SET', 'maxmemory', '3mb');
  for (let index = 0; !/evicted_keys:[1-9]/.test(await admin.info('stats')); index += 1)
    await admin.set(`filler-${index}`, 'x'.repeat(100_000));
  await until(async () => (await readyz()).status === 503);
  expect((await readyz()).body.checks['redis']?.reason).toMatch(/^maxmemory-policy is allkeys-lru: \d+ keys/);
  await admin.flushall();
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
  admin.disconnect();
  await until(async () => (await readyz()).status === 200);
});

it('clients that pipeline a thousand requests and read nothing delay nobody else', async () => {
  const greedy: Socket[] = [];
  for (let index = 0; index < 20; index += 1) {
    const socket = connect(provider.postern.port, '127.0.0.1');
    greedy.push(socket.on('error', () => undefined));
    await once(socket, 'connect');
    socket.pause();
    socket.write('GET /.well-known/openid-configuration HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(1000));
  }
  expect(await ask()).toEqual(FINE);
  for (const socket of greedy) socket.destroy();
});

it('pipelined requests are answered in order, and a connection with more than a hundred is cut off', async () => {
  const pipeline = async (count: number): Promise<string[]> => {
    const socket = connect(provider.postern.port, '127.0.0.1');
    await once(socket, 'connect');
    let told = '';
    socket.setEncoding('latin1').on('data', (text: string) => (told += text));
    socket.on('error', () => undefined);
    const closed = once(socket, 'close');
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
  const ends = await Promise.all(hangers.map(async ({ name, ended }) => [name, await ended] as const));
  for (const [name, told] of ends)
    expect([name, told]).toEqual([name, expect.stringMatching(/^$|HTTP\/1.1 408 /)]);
}, 60_000);
