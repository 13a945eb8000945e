import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Operation } from '../../src/http/contracts/contract.ts';
import { systemActor } from '../../src/core/actor.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import { createLogger } from '../../src/core/logger.ts';
import { migrate } from '../../src/storage/postgres/migrator.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPostgres } from '../support/postgres.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedis } from '../support/redis.ts';
import { contractOf, type ContractServer, startContractServer } from './support/server.ts';
import { flows, type Member, type Name, names } from './support/members.ts';

/** An operation that needs PostgreSQL, with a valid body. */
const NEEDED: Record<Name, [operation: string, body?: (member: Member) => object][]> = {
  keyed: [['login', ({ username, password }) => ({ username, password })], ['getUser']],
  cookie: [['token', ({ username, password }) => ({ username, password })], ['me']],
  flask: [['login', ({ email, password }) => ({ email, password })], ['getUser']],
  gateway: [
    ['login', ({ username, password }) => ({ username, password })],
    ['refresh', ({ refreshToken }) => ({ refreshToken })],
    ['profile'],
  ],
  ppl: [
    ['login', ({ email, password }) => ({ email, password })],
    ['refresh', ({ refreshToken }) => ({ refresh_token: refreshToken })],
    ['ready'],
  ],
};

describe('contracts during an outage of', () => {
  let server: ContractServer;
  let postgres: PostgresServer;
  let redis: RedisServer;
  let scimToken: string;
  const members = new Map<Name, Member>();

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    await migrate(postgres.databaseUrl(), createLogger('silent'));
    server = await startContractServer({ databaseUrl: postgres.databaseUrl(), redisUrl: redis.url });
    const made = await server.operator.scimTokens.create(shellOperator(systemActor), {});
    scimToken = made.token;
    for (const name of names) members.set(name, await flows[name].join(server.visitor(name)));
  });

  const becomes = async (status: number) => {
    while ((await fetch(`${server.url}/readyz`)).status !== status) await sleep(50);
  };
  const copied = async () => {
    const client = new Redis(redis.url, { keyPrefix: 'postern:' });
    while (!(await client.zscore('revoked:15', '!'))) await sleep(20);
    client.disconnect();
  };
  /** SCIM clients get 503 in the form of SCIM. */
  const directoryWaits = async () => {
    const body = JSON.stringify({ userName: 'new@corp.example', Operations: [] });
    const headers = { 'Authorization': `Bearer ${scimToken}`, 'Content-Type': 'application/scim+json' };
    for (const [method, path] of [
      ['GET', 'Users'],
      ['POST', 'Users'],
      ['PATCH', 'Groups/7c3c6d5c-0000-4000-8000-000000000000'],
    ] as const) {
      const sent = { method, headers, ...(method === 'GET' ? {} : { body }) };
      const reply = await fetch(`${server.url}/scim/v2/${path}`, sent);
      expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await reply.json()).toMatchObject({
        status: '503',
        schemas: [expect.stringContaining(':Error')],
      });
    }
  };
  const gatewayToken = () => members.get('gateway')!.token;
  const validates = () =>
    server
      .visitor('gateway')
      .call('validate', { body: { token: gatewayToken() } }, { status: 200, body: { valid: true } });

  it('PostgreSQL check tokens, and answer everything else by 503 with Retry-After in their own form', async () => {
    // The first call copies the marks to Redis, which then answers.
    await validates();
    await copied();
    await validates();
    await postgres.stop();
    await becomes(503);
    for (let turn = 0; turn < 5; turn += 1) await validates();
    await server.visitor('gateway').call('logout', { bearer: 'not.a.token' }, { status: 401 });
    for (const name of names) {
      const member = members.get(name)!;
      for (const [operation, body] of NEEDED[name]) {
        const { auth } = contractOf(name).operations.find(({ id }) => id === operation) as Operation;
        const sent = {
          params: member.params,
          ...(body ? { body: body(member) } : {}),
          ...(auth.startsWith('bearer') ? { bearer: member.token } : {}),
        };
        await server
          .visitor(name)
          .call(operation, sent, { status: 503, headers: { 'Retry-After': /^\d+$/ } });
      }
    }
    await directoryWaits();
    const body = { status: 'unhealthy', error: 'Database connection failed' };
    await server.visitor('cookie').call('health', {}, { status: 503, body });
    await server.visitor('gateway').call('health', {}, { status: 503, body: { status: 503 } });
    await server.visitor('ppl').call('health', {}, { status: 200 });
    await postgres.start();
    await becomes(200);
    for (const name of names) await flows[name].login(server.visitor(name), members.get(name)!, 200);
  });

  it('Redis check tokens, refuse revoked ones, and count nothing wrong', async () => {
    const ended = await flows.gateway.join(server.visitor('gateway'));
    await flows.gateway.logout!(server.visitor('gateway'), ended);
    await redis.stop('SIGKILL');
    await becomes(503);
    await validates();
    await server
      .visitor('gateway')
      .call('validate', { body: { token: ended.token } }, { status: 200, body: { valid: false } });
    // Limits cannot be checked, so limited requests wait.
    await server
      .visitor('gateway')
      .call('profile', { bearer: gatewayToken() }, { status: 503, headers: { 'Retry-After': /^\d+$/ } });
    await directoryWaits();
    const body = { status: 'unhealthy', error: 'Redis connection failed' };
    await server.visitor('cookie').call('health', {}, { status: 503, body });
    await redis.start();
    await becomes(200);
    await server
      .visitor('gateway')
      .call('validate', { body: { token: ended.token } }, { status: 200, body: { valid: false } });
    await flows.gateway.use!(server.visitor('gateway'), gatewayToken(), 200);
  });
});
