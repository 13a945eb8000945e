import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newPerson, NO_TOKEN } from '../../src/http/contracts/conformance.ts';
import { createContractUsage } from '../../src/domain/contract-usage.ts';
import { createLogger } from '../../src/core/logger.ts';
import { createContractUsageStore, type UsageBatch } from '../../src/storage/contract-usage.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { atEnd } from '../support/cleanup.ts';
import { runCli } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';
import { type ContractServer, startContractServer } from './support/server.ts';
import { flows } from './support/members.ts';

interface Usage {
  days: number;
  doors: { door: string; requests: number; users: number; last_used_at: string | null }[];
  usage: { door: string; endpoint: string; day: string; requests: number; users: number }[];
}

describe('`postern contract usage`', () => {
  let server: ContractServer;
  beforeAll(async () => {
    server = await startContractServer();
  });

  const usage = async (...args: string[]) => {
    const { code, stdout } = await runCli(['contract', 'usage', '--json', ...args], {
      env: server.postern.env,
    });
    expect(code).toBe(0);
    return JSON.parse(stdout) as Usage;
  };

  /** The server writes every few seconds. */
  const usageOnce = async (isThere: (report: Usage) => boolean, ...args: string[]): Promise<Usage> => {
    for (;;) {
      const report = await usage(...args);
      if (isThere(report)) return report;
      await sleep(500);
    }
  };

  it('counts requests, accounts and the last use, by contract, endpoint and day', async () => {
    const visitor = server.visitor('gateway');
    const startedAt = Date.now();
    const [one, other] = [await flows.gateway.join(visitor), await flows.gateway.join(visitor)];
    for (const { token } of [one, one, other]) await flows.gateway.use!(visitor, token, 200);
    for (const { token } of [one, one, one, other])
      await visitor.call('validate', { body: { token } }, { status: 200 });
    await flows.gateway.refresh!(visitor, one.refreshToken, 200);
    // Refused requests count as use, by nobody in particular.
    await visitor.call('profile', { bearer: NO_TOKEN }, { status: 401 });
    await visitor.call('login', { body: {} }, { status: 400 });
    await flows.gateway.login(visitor, newPerson(), 401);
    // This one is counted for its account.
    await visitor.call('changePassword', { bearer: other.token, body: {} }, { status: 400 });
    // A request for an unknown path is not counted.
    await visitor.send('GET', '/api/v1/auth/no-such-thing', {}, { status: 404 });
    await visitor.send('GET', '/api/v1/auth/login', {}, { status: 405 });

    const total = 2 + 3 + 4 + 1 + 1 + 2 + 1;
    const report = await usageOnce(({ doors }) => doors.some(({ requests }) => requests >= total));
    const day = new Date().toISOString().slice(0, 10);
    const row = (endpoint: string, requests: number, users: number) =>
      expect.objectContaining({
        door: 'gateway',
        endpoint: endpoint.replace(' ', ' /api/v1/auth'),
        day,
        requests,
        users,
      });
    expect(report.usage).toEqual([
      row('PUT /change-password', 1, 1),
      row('POST /login', 2, 0),
      row('GET /profile', 4, 2),
      row('POST /refresh', 1, 1),
      row('POST /register', 2, 2),
      row('POST /validate', 4, 2),
    ]);
    const [gateway, ...others] = report.doors.sort((a, b) => b.requests - a.requests);
    expect(gateway).toMatchObject({ door: 'gateway', requests: total, users: 2 });
    expect(Date.parse(gateway!.last_used_at!)).toBeGreaterThanOrEqual(startedAt);
    expect(
      new Set(others.map(({ door, requests, users, last_used_at: last }) => [door, requests, users, last])),
    ).toEqual(new Set(['cookie', 'flask', 'keyed', 'ppl'].map((door) => [door, 0, 0, null])));
    expect(report.days).toBe(30);
    expect((await usage('--door', 'ppl')).usage).toEqual([]);
    expect((await usage('--door', 'gateway', '--days', '1')).usage).toHaveLength(6);
  });

  it('counts programs and people at `keyed`', async () => {
    const visitor = server.visitor('keyed');
    await flows.keyed.join(visitor);
    const report = await usageOnce(({ usage: rows }) => rows.length > 1, '--door', 'keyed');
    expect(report.usage).toMatchObject([
      { endpoint: 'POST /api/v1/users', requests: 1, users: 0 },
      { endpoint: 'POST /api/v1/auth/login', requests: 1, users: 1 },
    ]);
  });

  it('leaves out earlier days, and prints a table without --json', async () => {
    await server.sql(`update contract_usage set day = day - 40 where operation = 'login'`);
    const { stdout } = await runCli(['contract', 'usage', '--door', 'gateway'], { env: server.postern.env });
    expect(stdout).toMatch(/^door +requests +accounts +last use\ngateway +12 +2 +\d{4}-/);
    expect(stdout).toContain('POST /api/v1/auth/validate');
    expect(stdout).not.toContain('/login');
    expect((await usage('--days', '400', '--door', 'gateway')).usage).toHaveLength(6);
  });

  it('has everything once the server has stopped', async () => {
    await flows.ppl.join(server.visitor('ppl'));
    await server.postern.stop();
    expect((await usage('--door', 'ppl')).doors).toMatchObject([{ requests: 1, users: 1 }]);
  });

  it.each([
    [['--days', '0'], 2],
    [['--days', 'x'], 2],
    [['--door', 'nope'], 2],
  ])('refuses %j', async (args, code) => {
    expect((await runCli(['contract', 'usage', ...args], { env: server.postern.env })).code).toBe(code);
  });
});

describe('a count of contract usage', () => {
  it('is kept until it can be written, and written once', async () => {
    const { url } = await createDatabase();
    const logger = createLogger('silent');
    const pool = createPool(url, { max: 2, logger, applicationName: 'test' });
    atEnd(() => pool.end());
    const store = createContractUsageStore(pool);
    let isDown = true;
    const batches: UsageBatch[] = [];
    const usage = createContractUsage({
      clock: { now: () => Date.parse('2030-05-06T23:59:59.999Z') + batches.length * 1000 },
      logger,
      store: {
        ...store,
        async add(batch) {
          batches.push(batch);
          if (isDown) throw new Error('down');
          await store.add(batch);
        },
      },
    });
    const person = '7c3c6d5c-0000-4000-8000-000000000000';
    await pool.query(
      "insert into users (id, email, email_key) values ($1, 'a@example.com', 'a@example.com')",
      [person],
    );
    usage.note({ door: 'ppl', operation: 'login', accountId: null });
    usage.note({ door: 'ppl', operation: 'login', accountId: person });
    await usage.stop();
    isDown = false;
    usage.note({ door: 'ppl', operation: 'login', accountId: person });
    await usage.stop();
    await usage.stop();
    expect(batches).toHaveLength(2);
    expect((await usage.report({ days: 2 })).rows).toEqual([
      {
        door: 'ppl',
        operation: 'login',
        day: '2030-05-07',
        requests: 1,
        users: 1,
        lastUsedAt: new Date('2030-05-07T00:00:00.999Z'),
      },
      {
        door: 'ppl',
        operation: 'login',
        day: '2030-05-06',
        requests: 2,
        users: 1,
        lastUsedAt: new Date('2030-05-06T23:59:59.999Z'),
      },
    ]);

    // A deleted account is dropped, but its requests count.
    usage.note({ door: 'ppl', operation: 'login', accountId: person });
    await pool.query('delete from users');
    await usage.stop();
    const { rows, users } = await usage.report({ days: 3 });
    expect(rows.map((row) => [row.requests, row.users])).toEqual([
      [2, 0],
      [2, 0],
    ]);
    expect([...users]).toEqual([]);
  });
});
