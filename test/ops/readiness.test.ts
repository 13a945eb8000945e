import { request } from 'node:http';
import { once } from 'node:events';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { until } from '../support/until.ts';
import { type Postern, runCli, startPostern } from '../support/postern.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { startPostgres } from '../support/postgres.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { startRedis } from '../support/redis.ts';

interface Ready {
  status: string;
  checks: Record<string, { status: string; reason?: string }>;
}

describe('/livez and /readyz', () => {
  let redis: RedisServer;
  let postgres: PostgresServer;
  let postern: Postern;
  beforeAll(async () => {
    [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
    await runCli(['migrate'], { databaseUrl: postgres.databaseUrl() });
    postern = await startPostern({ databaseUrl: postgres.databaseUrl(), redisUrl: redis.url });
  });

  const readyz = async () => {
    const response = await fetch(`${postern.url}/readyz`);
    return { status: response.status, body: (await response.json()) as Ready };
  };
  const livez = async () => (await fetch(`${postern.url}/livez`)).status;
  const FINE = {
    status: 200,
    body: {
      status: 'ok',
      checks: { postgres: { status: 'ok' }, redis: { status: 'ok' }, clock: { status: 'ok' } },
    },
  };

  it('name each store', async () => {
    await expect(readyz()).resolves.toEqual(FINE);
    await expect(livez()).resolves.toBe(200);
  });

  it.each([
    ['redis', () => redis],
    ['postgres', () => postgres],
  ])('name %s while it is down, and recover by themselves', async (name, server) => {
    await server().stop();
    await until(async () => (await readyz()).status === 503);
    const { body } = await readyz();
    expect(body.status).toBe('failed');
    expect(body.checks[name]).toEqual({ status: 'failed', reason: expect.stringMatching(/^.{3,120}$/) });
    const others = Object.entries(body.checks).filter(([other]) => other !== name);
    expect(others.map(([, { status }]) => status)).toEqual(['ok', 'ok']);
    expect(JSON.stringify(body)).not.toContain(new URL(postgres.databaseUrl()).password);
    await expect(livez()).resolves.toBe(200);
    await server().start();
    await until(async () => (await readyz()).status === 200);
    await expect(readyz()).resolves.toEqual(FINE);
  });

  it('report a Redis that answers but is full', async () => {
    const admin = new Redis(redis.url);
    await admin.config('SET', 'maxmemory', '1');
    await until(async () => (await readyz()).status === 503);
    expect((await readyz()).body.checks['redis']).toEqual({
      status: 'failed',
      reason: expect.stringMatching(/OOM/),
    });
    await admin.config('SET', 'maxmemory', '0');
    admin.disconnect();
    await until(async () => (await readyz()).status === 200);
  });

  it('accept only GET and HEAD, for any Host', async () => {
    const response = await fetch(`${postern.url}/livez`, { method: 'POST' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
    const head = await fetch(`${postern.url}/readyz`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    await expect(head.text()).resolves.toBe('');
    const probe = request({ port: postern.port, path: '/livez', headers: { Host: '10.0.0.7:8000' } }).end();
    const [reply] = (await once(probe, 'response')) as [{ statusCode: number; resume(): void }];
    reply.resume();
    expect(reply.statusCode).toBe(200);
  });
});
