/** The backends for the stores of the provider, each on real servers. The conformance suite runs on each. */
import { randomUUID } from 'node:crypto';
import { Cluster, Redis } from 'ioredis';
import type { Pool } from 'pg';
import { createLogger } from '../../src/core/logger.ts';
import { Secrets } from '../../src/core/secrets.ts';
import type { AdapterFactory, Payload } from '../../src/storage/oidc/adapter.ts';
import { createAdapters } from '../../src/storage/oidc/adapters.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import { transactions, type InTransaction } from '../../src/storage/postgres/transaction.ts';
import { createRedis, type RedisClient } from '../../src/storage/redis/client.ts';
import { createRevocation, type Revocation } from '../../src/storage/revocation.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

export type Kind = 'PostgreSQL alone' | 'PostgreSQL and Redis' | 'PostgreSQL and Redis Cluster';
export const KINDS: Kind[] = ['PostgreSQL alone', 'PostgreSQL and Redis', 'PostgreSQL and Redis Cluster'];

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const secrets = new Secrets('the secrets of stores that are only tried out');

export const silent = createLogger('silent');

/** A clock that tests move forward. */
class TestClock {
  #ahead = 0;
  now(): number {
    return Date.now() + this.#ahead;
  }
  forward(milliseconds: number): void {
    this.#ahead += milliseconds;
  }
}

export interface Backend {
  pool: Pool;
  inTransaction: InTransaction;
  clock: TestClock;
  server: RedisServer | undefined;
  redis: RedisClient | undefined;
  adapters: AdapterFactory;
  revocation: Revocation;
  /** Another client of the same Redis, like another node. */
  anotherRedis(): Promise<RedisClient | undefined>;
  newAccount(): Promise<string>;
  /** A valid grant, for a new account unless given. */
  newGrant(payload?: Payload): Promise<string>;
  /** Everything in the stores, as text. */
  contents(): Promise<string>;
  /** The time to live of every key in Redis in milliseconds, or -1 for no expiry. */
  lifetimes(): Promise<number[]>;
}

/** A master with a replica: without one each decision would wait for it in vain. */
async function startCluster(): Promise<RedisServer> {
  const start = async () =>
    startRedis([
      '--cluster-enabled',
      'yes',
      '--cluster-announce-ip',
      '127.0.0.1',
      '--cluster-replica-no-failover',
      'yes',
      '--repl-diskless-sync-delay',
      '0',
      '--dir',
      await temporaryFolder(),
    ]);
  const [server, other] = await Promise.all([start(), start()]);
  const [node, replica] = [new Redis(server.url), new Redis(other.url)];
  await node.cluster('ADDSLOTSRANGE', 0, 16383);
  await replica.cluster('MEET', '127.0.0.1', server.port);
  const id = await node.cluster('MYID');
  await until(async () => String(await replica.cluster('NODES')).includes(id));
  await replica.cluster('REPLICATE', id);
  await until(async () => (await node.info('replication')).includes('state=online'));
  await until(async () => (await node.cluster('INFO')).includes('cluster_state:ok'));
  node.disconnect();
  replica.disconnect();
  return server;
}

async function connect(server: RedisServer, kind: Kind): Promise<RedisClient> {
  const isCluster = kind === 'PostgreSQL and Redis Cluster';
  const redis = createRedis(isCluster ? `${server.url}/?cluster=true` : server.url, silent);
  atEnd(async () => {
    // A client that is stopped while it connects keeps its process for seconds.
    for (let tries = 0; redis.status !== 'ready' && tries < 100; tries += 1) await pause(50);
    redis.disconnect();
  });
  await new Promise((resolve) => redis.once('ready', resolve));
  return redis;
}

const nodesOf = (redis: RedisClient): Redis[] => (redis instanceof Cluster ? redis.nodes('master') : [redis]);

/** The bytes of every key: `DUMP` works for any type and leaves short strings uncompressed. */
async function dump(redis: RedisClient): Promise<{ text: string; lifetimes: number[] }> {
  let text = '';
  const lifetimes: number[] = [];
  for (const node of nodesOf(redis)) {
    // The client must not prepend its prefix to the result of KEYS.
    const bare = node.duplicate({ keyPrefix: '' });
    await bare.config('SET', 'rdbcompression', 'no');
    for (const key of await bare.keys('*')) {
      const bytes = await bare.dumpBuffer(key);
      const lifetime = await bare.pttl(key);
      // A key may expire while others are read.
      if (bytes === null || lifetime === -2) continue;
      text += `${key} ${bytes.toString('latin1')}\n`;
      lifetimes.push(lifetime);
    }
    bare.disconnect();
  }
  return { text, lifetimes };
}

export async function openBackend(kind: Kind): Promise<Backend> {
  const { url } = await createDatabase();
  const pool = createPool(url, { logger: silent, applicationName: 'test', max: 20 });
  const sequelize = createSequelize(pool, secrets);
  atEnd(() => pool.end());
  const clock = new TestClock();
  const server =
    kind === 'PostgreSQL alone'
      ? undefined
      : await (kind === 'PostgreSQL and Redis' ? startRedis() : startCluster());
  const redis = server && (await connect(server, kind));
  const revocation = createRevocation({ pool, redis, clock, logger: silent, longestToken: 3600 });
  const adapters = createAdapters({ pool, redis, clock, endGrant: (id) => revocation.endGrant(id) });

  async function newAccount(): Promise<string> {
    const id = randomUUID();
    await pool.query('insert into users (id, email, email_key) values ($1, $2, $2)', [
      id,
      `${id}@example.com`,
    ]);
    return id;
  }

  return {
    pool,
    ...transactions(sequelize, silent),
    clock,
    server,
    redis,
    adapters,
    revocation,
    anotherRedis: async () => server && connect(server, kind),
    newAccount,
    async newGrant(payload) {
      const id = randomUUID();
      await adapters('Grant').upsert(id, payload ?? { accountId: await newAccount(), clientId: 'app' }, 3600);
      return id;
    },
    async contents() {
      const tables = await Promise.all(
        ['oidc_records', 'oidc_grants', 'revocation_marks'].map(async (table) => {
          const { rows } = await pool.query<{ row: string }>(`select t::text as row from ${table} t`);
          return rows.map(({ row }) => row).join('\n');
        }),
      );
      return [...tables, redis ? (await dump(redis)).text : ''].join('\n');
    },
    lifetimes: async () => (redis ? (await dump(redis)).lifetimes : []),
  };
}
