/**
 * A team migrates: its service is shadowed by Postern, then behind Postern, back in front once, then gone.
 * docs/moving-in.md has
 * the same steps as a guide. `WALK_ACCOUNTS=10000` runs a large one by hand.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { systemActor } from '../../src/core/actor.ts';
import { presentMigration } from '../../src/domain/migration.ts';
import { shellOperator } from '../../src/domain/operators/operator.ts';
import type { ShadowReport } from '../../src/cli/shadow/findings.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { freePort } from '../support/ports.ts';
import { runCli, startPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { startContractServer } from '../contracts/support/server.ts';
import { SECRET } from './support/old-service.ts';
import { createTeamClient } from './support/team-client.ts';
import { personOf, startTeamService } from './support/team-service.ts';

const ACCOUNTS = Number(process.env['WALK_ACCOUNTS'] ?? 40);
/** The people who come while the shadow runs, and those who come before the last import. */
const [FEW, MANY] = [Math.floor(ACCOUNTS * 0.2), Math.floor(ACCOUNTS * 0.6)];
const MINUTES = ACCOUNTS > 1000 ? 60 : 4;

/** Starts `postern contract shadow` as a team would. */
async function startShadow(old: string, postern: string, folder: string) {
  const args = ['bin/postern.js', 'contract', 'shadow', 'gateway', '--old', old, '--postern', postern];
  const child = spawn(process.execPath, [...args, '--port', '0', '--report', folder, '--json'], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  atEnd(async () => void child.kill());
  const written = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => (written.out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (written.err += text.toString()));
  await until(() => /at http:\S+;/.test(written.err));
  return {
    url: /at (http:\S+);/.exec(written.err)![1]!,
    async stop() {
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
      return JSON.parse(written.out) as ShadowReport;
    },
  };
}

it(
  'a team migrates: shadow, Postern in front, back once, Postern alone; no request of its client fails or changes',
  async () => {
    /** Seconds since the previous step, by name. */
    const steps: [string, number][] = [];
    let began = performance.now();
    const step = (name: string) => {
      const now = performance.now();
      steps.push([name, Math.round((now - began) / 100) / 10]);
      began = now;
    };
    const { url: databaseUrl } = await createDatabase();
    const old = await startTeamService(databaseUrl, ACCOUNTS);
    const client = createTeamClient(old.url);
    await client.learn(MANY);
    client.start(ACCOUNTS > 1000 ? 8 : 3);
    await client.everybodyOnce();
    step('the old service alone');

    // Postern in the shadow: every reply still comes from the old service.
    const settings = {
      http: { trustedProxies: ['127.0.0.1'] },
      legacy: {
        sources: [
          {
            name: 'old',
            sql: {
              url: { env: 'OLD_DATABASE_URL' },
              query:
                'select id, login as username, mail as email, pw, created as created_at from people where login = :identifier or lower(mail) = lower(:identifier)',
              password_hash: 'pw',
              profile:
                'select id, login as username, mail as email, created as created_at from people where id = :source_id::int',
              count: 'select count(*) from people',
            },
          },
        ],
      },
    };
    const oldTokens = {
      keys: [{ alg: 'HS256', secret: { env: 'OLD_JWT_SECRET' } }],
      issuer: 'team',
      account: { source_id: 'sub' },
      until: '2099-12-31',
    };
    const env = { OLD_DATABASE_URL: databaseUrl, OLD_JWT_SECRET: SECRET };
    const contracts = { enabled: ['gateway'], root: ['gateway'], gateway: { oldTokens } };
    const server = await startContractServer({ env, settings, contracts });
    let variables = server.postern.env;
    const command = async () => {
      const { stdout } = await runCli(['migration', 'status', '--json'], { env: variables });
      return JSON.parse(stdout) as ReturnType<typeof presentMigration>;
    };
    /** The same without a process of its own. */
    const status = async () =>
      presentMigration(await server.operator.migration.status(shellOperator(systemActor)));
    const moved = async (way: string) => {
      const [row] = await server.sql('select count(*)::int as n from imported_accounts where way = $1', [
        way,
      ]);
      return row!['n'] as number;
    };
    expect(await status()).toMatchObject({
      ready: false,
      accounts: { moved: [] },
      sources: [{ name: 'old', accounts: ACCOUNTS, moved: 0, left: ACCOUNTS }],
      remaining: expect.arrayContaining([
        expect.objectContaining({ code: 'source_has_accounts', blocking: true }),
      ]),
    });
    step('start of Postern, status');
    const folder = path.join(await temporaryFolder(), 'report');
    const shadow = await startShadow(old.url, server.url, folder);
    await client.turnTo(shadow.url, FEW);
    await client.everybodyOnce();
    await client.everybodyOnce();
    await client.turnTo(old.url, MANY);
    const report = await shadow.stop();
    expect(report).toMatchObject({ old_down: null, postern_down: null, differences: [], differing: 0 });
    // The rest came while the shadow was busy: the client's replies don't wait for it.
    expect(report.compared).toBeGreaterThan(Math.min(FEW / 2, 100));
    const beside = await status();
    expect(beside.sources).toMatchObject([{ accounts: ACCOUNTS, left: ACCOUNTS - beside.sources[0]!.moved }]);
    expect(beside.sources[0]!.moved).toBeGreaterThan(0);
    expect(beside.sources[0]!.moved).toBeLessThanOrEqual(FEW);
    step(`shadow, ${report.compared} compared`);

    // Postern in front: it asks the old service about people who have not migrated, by password or by old
    // token.
    await client.turnTo(server.url, MANY);
    await client.everybodyOnce();
    await client.everybodyOnce();
    expect(await moved('token')).toBeGreaterThan(0);
    step('in front');

    // Back again: the old service has everybody, and people with Postern's tokens sign in again.
    await client.turnTo(old.url, MANY, server.url);
    await client.everybodyOnce();
    expect((await status()).ready).toBe(false);
    await client.turnTo(server.url, MANY);
    await client.everybodyOnce();
    await until(async () => (await status()).old_tokens.by_day.some(({ refresh }) => refresh > 0));
    const inFront = await status();
    expect(inFront).toMatchObject({
      ready: false,
      accounts: { made_here: inFront.accounts.total - MANY },
      sources: [{ accounts: ACCOUNTS, moved: MANY, left: ACCOUNTS - MANY }],
      doors: [{ door: 'gateway' }],
    });
    expect(inFront.accounts.moved).toEqual([
      { source: 'old', way: 'login', accounts: await moved('login') },
      { source: 'old', way: 'token', accounts: await moved('token') },
    ]);
    step('back, and in front again');

    // Import the remaining people, and the passwords of those who migrated by a token. No session ends.
    const query =
      'select id, login as username, mail as email, pw as password_hash, created as created_at from people';
    const args = [
      'import',
      '--from',
      databaseUrl,
      '--query',
      query,
      '--source',
      'old',
      '--on-conflict',
      'update',
    ];
    const imported = await runCli([...args, '--json'], { env: variables });
    expect(JSON.parse(imported.stdout)).toMatchObject({
      read: ACCOUNTS,
      created: ACCOUNTS - MANY,
      failed: 0,
    });
    const ready = await status();
    expect(ready).toMatchObject({
      ready: true,
      sources: [{ moved: ACCOUNTS, left: 0, without_password: 0 }],
      not_come: { accounts: ACCOUNTS - MANY },
    });
    expect(ready.accounts.moved.find(({ way }) => way === 'login')!.accounts).toBe(await moved('login'));
    step('import');

    // Postern alone: another node without the source takes over, then the old service is stopped.
    const configuration = JSON.parse(await readFile(variables['CONFIG_FILE']!, 'utf8')) as object;
    const file = path.join(folder, 'alone.yaml');
    await writeFile(file, JSON.stringify({ ...configuration, legacy: { sources: [] } }));
    variables = { ...variables, CONFIG_FILE: file, PORT: String(await freePort()), PUBLIC_URL: server.url };
    const alone = await startPostern({ env: variables });
    const url = `http://localhost:${alone.port}`;
    await client.turnTo(url, ACCOUNTS);
    await server.postern.stop();
    await old.stop();
    await client.everybodyOnce();
    await client.stop();
    expect(client.failed).toEqual([]);
    expect(client.changed).toEqual([]);
    step('alone');

    const logins = await Promise.all(
      [MANY, ACCOUNTS - 1].map(async (index) => {
        const { login: username, password } = personOf(index);
        const reply = await fetch(`${url}/api/v1/auth/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ username, password }),
        });
        return ((await reply.json()) as { userId: number }).userId;
      }),
    );
    expect(logins).toEqual([personOf(MANY).id, personOf(ACCOUNTS - 1).id]);
    expect(await command()).toMatchObject({
      ready: true,
      sources: [],
      not_come: { accounts: 0 },
      accounts: { total: inFront.accounts.total + ACCOUNTS - MANY },
    });
    if (process.env['WALK_ACCOUNTS'] !== undefined)
      process.stderr.write(`${JSON.stringify({ steps, requests: Object.fromEntries(client.counts) })}\n`);
  },
  MINUTES * 60_000,
);
