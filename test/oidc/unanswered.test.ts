import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client as Connection } from 'pg';
import { createLogger } from '../../src/core/logger.ts';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import { readLetters } from '../account/support/mail.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { execute, type PostgresServer } from '../support/postgres-server.ts';
import { startPostgres } from '../support/postgres.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedis } from '../support/redis.ts';
import { signIn } from './support/flow.ts';
import { startProvider } from './support/provider.ts';
import { API, type Attempt, type StartingPoint, steps } from './support/steps.ts';
import { UserAgent } from './support/user-agent.ts';

let postgres: PostgresServer;
let redis: RedisServer;
let startingPoint: StartingPoint;

beforeAll(async () => {
  // Redis keeps its data: a caller must be able to continue with what was there.
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', await temporaryFolder()];
  [redis, postgres] = await Promise.all([startRedis(durable), startPostgres()]);
  await migrate(postgres.databaseUrl(), createLogger('silent'));
  await execute(postgres.databaseUrl(), 'alter database postern set synchronous_commit = on');
  const provider = await startProvider({
    databaseUrl: postgres.databaseUrl(),
    redisUrl: redis.url,
    settings: {
      registration: { verifyEmail: true },
      clientRegistration: { open: true },
      tokens: { authorizationCode: 300, pushedAuthorizationRequest: 300 },
    },
  });
  await provider.createApi({ identifier: API });
  const [client, person] = await Promise.all([provider.createClient(), provider.createPerson()]);
  const agent = new UserAgent(provider.url);
  for (const parameters of [{}, { resource: API, scope: 'openid read' }])
    await signIn(provider, client, person, { agent, parameters });
  startingPoint = { provider, letters: readLetters(provider.postern), client, person, agent };
});

const becomes = async (status: number) => {
  while ((await fetch(`${startingPoint.provider.url}/readyz`)).status !== status) await sleep(50);
};

const memory = async (limit: string) => {
  const admin = new Redis(redis.url);
  await admin.config('SET', 'maxmemory', limit);
  admin.disconnect();
};

/** Steps that ask Redis, and steps that ask PostgreSQL first. */
const WITH_REDIS = [
  'code, opaque token',
  'refresh, opaque token',
  'device code',
  'CIBA',
  'TOTP at a contract',
];
const WITH_POSTGRES = [...WITH_REDIS, 'refresh, JWT', 'reset link', 'registration at a contract'];

interface Fault {
  strike(): Promise<unknown>;
  heal(): Promise<unknown>;
  /** Some steps that it must affect. */
  strikes: string[];
}

const FAULTS: Record<string, Fault> = {
  'Redis stopped': { strike: () => redis.stop('SIGKILL'), heal: () => redis.start(), strikes: WITH_REDIS },
  'Redis full': { strike: () => memory('1'), heal: () => memory('0'), strikes: WITH_REDIS },
  'PostgreSQL stopped': {
    strike: () => postgres.stop(),
    heal: () => postgres.start(),
    strikes: WITH_POSTGRES,
  },
  'PostgreSQL killed': {
    strike: () => postgres.kill(),
    heal: () => postgres.start(),
    strikes: WITH_POSTGRES,
  },
};

/**
 * Where to hold requests while the fault happens: at the table that they need next; and steps that it must
 * affect.
 */
const DURING: [fault: string, table: string, strikes: string[]][] = [
  ['PostgreSQL killed', 'users', WITH_POSTGRES],
  ['Redis stopped', 'oidc_records', ['refresh, opaque token']],
];

type Steps = [name: string, attempt: Attempt][];
type Outcome = Awaited<ReturnType<Attempt>>;

const prepare = (): Promise<Steps> =>
  Promise.all(
    Object.entries(steps(startingPoint)).map(async ([name, step]): Promise<Steps[number]> => [
      name,
      await step(),
    ]),
  );

/** Repeats the same request while it is told to retry. */
async function untilAnswered(attempt: Attempt): Promise<Outcome> {
  for (;;) {
    const outcome = await attempt();
    if (outcome.status !== 503) return outcome;
    await sleep(100);
  }
}

/** Waits until each of `tries` is finished or waits for a lock. */
async function areHeld(observer: Connection, tries: Promise<unknown>[]): Promise<void> {
  let over = 0;
  for (const one of tries) void one.finally(() => (over += 1));
  for (let [before, same] = ['', 0]; same < 5;) {
    await sleep(100);
    const { rows } = await observer.query<{ held: string }>(
      "select count(*) as held from pg_stat_activity where wait_event_type = 'Lock'",
    );
    const now = `${over} ${rows[0]?.held}`;
    same = now === before && rows[0]?.held !== '0' ? same + 1 : 0;
    before = now;
  }
}

const connect = async (): Promise<Connection> => {
  const connection = new Connection({ connectionString: postgres.databaseUrl() });
  connection.on('error', () => undefined);
  await connection.connect();
  return connection;
};

/** Tries everything, causes the fault at the right moment, and repeats what was told to retry. */
async function expectNothingLost(
  { strike, heal, strikes }: Fault,
  tryAll: (all: Steps, strike: () => Promise<unknown>) => Promise<Outcome[]>,
): Promise<void> {
  const all = await prepare();
  const first = await tryAll(all, strike);
  await heal();
  await becomes(200);
  const refused = all.filter((_, index) => first[index]?.done === false);
  const wrong = all.filter((_, index) => first[index]?.done === false && first[index].status !== 503);
  expect(wrong.map(([name]) => name)).toEqual([]);
  expect(refused.map(([name]) => name)).toEqual(expect.arrayContaining(strikes));
  const again = await Promise.all(
    refused.map(async ([name, attempt]) => ({ name, ...(await untilAnswered(attempt)) })),
  );
  expect(again.filter(({ done }) => !done)).toEqual([]);
}

describe('a request without an answer costs nothing', () => {
  it.each(['Redis stopped', 'Redis full', 'PostgreSQL stopped'])('with %s', async (fault) => {
    await expectNothingLost(FAULTS[fault]!, async (all, strike) => {
      await strike();
      return Promise.all(all.map(([, attempt]) => attempt()));
    });
  });

  it.each(DURING)('with %s while it is under way, held at %s', async (fault, table, strikes) => {
    await expectNothingLost({ ...FAULTS[fault]!, strikes }, async (all, strike) => {
      const [locker, observer] = await Promise.all([connect(), connect()]);
      await locker.query(`begin; lock table ${table} in access exclusive mode`);
      const tries = all.map(([, attempt]) => attempt());
      await areHeld(observer, tries);
      await strike();
      await Promise.all([locker, observer].map((one) => one.end().catch(() => undefined)));
      return Promise.all(tries);
    });
  });
});
