import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { atEnd, provided, temporaryFolder } from '../support/cleanup.ts';
import { freePort } from '../support/ports.ts';
import { runCli, startPostern } from '../support/postern.ts';
import { execute, type PostgresServer } from '../support/postgres-server.ts';
import { startPostgres, startPostgresPair } from '../support/postgres.ts';
import { startSlowProxy } from '../support/slow-proxy.ts';
import { until } from '../support/until.ts';

const HOUR = 3_600_000;

const PASSWORD = 'three unrelated words';

/** Registers people at the gateway, one by one. @returns the status, or 0 without a reply. */
const register = (url: string, username: string): Promise<Response | null> =>
  fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, email: `${username}@example.test`, password: PASSWORD }),
  }).catch(() => null);

const settings = {
  passwords: { argon2: { memory: 64, time: 1, parallelism: 1 } },
  contracts: { limits: { credentials: { requests: 100_000 }, ordinary: { requests: 100_000 } } },
};

it('a replica takes over: what was acknowledged is there, and the server finds the new primary', async () => {
  const { primary, replica, url } = await startPostgresPair();
  const postern = await startPostern({ databaseUrl: url, settings });
  const acknowledged: string[] = [];
  const statuses = new Set<number>();
  const waits = new Set<string | null>();
  const on = { is: true };
  const people = (async () => {
    for (let index = 0; on.is; index += 1) {
      const username = `person-${index}`;
      const reply = await register(postern.url, username);
      if (reply) statuses.add(reply.status);
      if (reply?.status === 503) waits.add(reply.headers.get('retry-after'));
      if (reply?.ok) acknowledged.push(username);
    }
  })();
  try {
    await until(() => acknowledged.length > 5);
    await primary.kill();
    await until(() => statuses.has(503));
    await replica.promote();
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 5);
  } finally {
    on.is = false;
    await people;
  }
  expect([...statuses].toSorted((a, b) => a - b)).toEqual([201, 503]);
  expect([...waits]).toEqual([expect.stringMatching(/^\d+$/)]);
  const { stdout } = await runCli(['user', 'list', '--limit', '100', '--json'], { env: postern.env });
  const { users } = JSON.parse(stdout) as { users: { username: string }[] };
  expect(users.map(({ username }) => username)).toEqual(expect.arrayContaining(acknowledged));
  // Notifications arrive again, from the new primary.
  await until(async () => (await fetch(`${postern.url}/readyz`)).status === 200);
});

it('the server leaves a replica to which a moved address has led', async () => {
  const { primary, replica } = await startPostgresPair();
  const address = await startSlowProxy(primary.port);
  const databaseUrl = primary.databaseUrl().replace(`:${primary.port}/`, `:${address.port}/`);
  const postern = await startPostern({ databaseUrl, settings });
  let people = 0;
  const status = async () => (await register(postern.url, `mover-${(people += 1)}`))?.status;
  expect(await status()).toBe(201);
  address.aim(replica.port);
  address.cut();
  const meanwhile = new Set<number | undefined>();
  await until(async () => {
    meanwhile.add(await status());
    return meanwhile.has(503);
  });
  // Connections to the replica stay open.
  address.aim(primary.port);
  await until(async () => (await status()) === 201);
  const after = await Promise.all(Array.from({ length: 30 }, status));
  expect([...new Set(after)]).toEqual([201]);
  expect([...meanwhile].filter((one) => one !== 201)).toEqual([503]);
});

it('the server leaves a primary that hangs for the promoted replica', async () => {
  const { primary, replica, url } = await startPostgresPair();
  const hung = await startSlowProxy(primary.port);
  const databaseUrl = url.replace(`:${primary.port},`, `:${hung.port},`);
  const postern = await startPostern({ databaseUrl, settings });
  expect((await register(postern.url, 'before'))?.status).toBe(201);
  // Accepts connections and answers nothing.
  hung.delay(HOUR);
  await replica.promote();
  const statuses = new Set<number | undefined>();
  let people = 0;
  await until(async () => {
    const reply = await register(postern.url, `during-${(people += 1)}`);
    statuses.add(reply?.status);
    return reply?.status === 201;
  });
  expect([...statuses].filter((one) => one !== 201)).toEqual([503]);
  await until(async () => (await fetch(`${postern.url}/readyz`)).status === 200);
});

/** PgBouncer in transaction mode, in the installed version. @returns the URL of the database through it. */
async function startPgBouncer(server: PostgresServer): Promise<string> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const { username, password } = new URL(server.databaseUrl());
  const users = path.join(folder, 'users.txt');
  await writeFile(users, `"${username}" "${password}"\n`);
  const file = path.join(folder, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 16
max_client_conn = 100
unix_socket_dir =
`,
  );
  // PgBouncer refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const program = await provided('pgbouncer');
  const child = spawn(program, isRoot ? ['-u', 'nobody', file] : [file], { stdio: 'ignore' });
  atEnd(async () => void child.kill('SIGKILL'));
  const url = server.databaseUrl().replace(`:${server.port}/`, `:${port}/`);
  await until(() =>
    execute(url.replace(/[^/]*$/, 'postgres'), 'select 1').then(
      () => true,
      () => false,
    ),
  );
  return url;
}

it('the server works through PgBouncer in transaction mode', async () => {
  const server = await startPostgres();
  const pooled = await startPgBouncer(server);
  let people = 0;
  const refusal = (env: Record<string, string>) =>
    startPostern({ databaseUrl: pooled, env }).then(
      () => '',
      (error: Error) => error.message,
    );
  expect(await refusal({})).toContain('DATABASE_DIRECT_URL');
  // Debian's version has no prepared statements: one prepared by a connection may exist on another, or be
  // gone.
  expect(await refusal({ DATABASE_DIRECT_URL: server.databaseUrl() })).toContain(
    'set DATABASE_PREPARED_STATEMENTS=off',
  );
  const env = { DATABASE_DIRECT_URL: server.databaseUrl(), DATABASE_PREPARED_STATEMENTS: 'off' };
  const postern = await startPostern({ databaseUrl: pooled, env, settings });
  // A request gives up after 8 s of waiting for statements. On a busy machine the first of a new process take so long.
  await until(async () => (await register(postern.url, `first-${(people += 1)}`))?.status === 201);
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => (await register(postern.url, `someone-${index}`))?.status),
  );
  expect(new Set(statuses)).toEqual(new Set([201]));
  const { code } = await runCli(
    ['contract', 'verify', 'gateway', `${postern.url}/contracts/gateway`, '--json'],
    { env: postern.env },
  );
  expect(code).toBe(0);

  // PostgreSQL stops behind the pooler, which still refuses for some seconds after it is back.
  await server.kill();
  const meanwhile = await register(postern.url, 'meanwhile');
  expect([meanwhile?.status, meanwhile?.headers.has('retry-after')]).toEqual([503, true]);
  await server.start();
  const after = new Set<number | undefined>();
  await until(async () => {
    const status = (await register(postern.url, `again-${(people += 1)}`))?.status;
    after.add(status);
    return status === 201;
  });
  expect([...after].filter((status) => status !== 201 && status !== 503)).toEqual([]);
});
