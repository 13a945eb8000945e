import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { type Outcome, type PosternOptions, runCli, startPostern } from '../support/postern.ts';
import { execute } from '../support/postgres-server.ts';
import { createDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

/** Shadow PostgreSQL's own functions: no advisory locks, and notifications that nobody receives. */
const WITHOUT = [
  ...['pg_advisory_lock', 'pg_advisory_xact_lock', 'pg_try_advisory_lock', 'pg_try_advisory_xact_lock'].map(
    (name) => `create function without.${name}(bigint) returns boolean language plpgsql as
      $$ begin raise exception 'advisory locks are not there' using errcode = '0A000'; end $$`,
  ),
  `create function without.pg_notify(text, text) returns void language sql as ''`,
];

it('two nodes coordinate by tables alone on a database without advisory locks and LISTEN', async () => {
  const { url } = await createDatabase({ template: 'template1' });
  const database = new URL(url).pathname.slice(1);
  await execute(url, `create schema without; ${WITHOUT.join(';')}`);
  await execute(url, `alter database ${database} set search_path = public, without, pg_catalog`);
  const limits = { credentials: { requests: 100_000 }, ordinary: { requests: 100_000 } };
  const settings = {
    passwords: { argon2: { memory: 64, time: 1, parallelism: 1 } },
    contracts: { limits },
  };
  const options = (env: Record<string, string>): PosternOptions => ({ databaseUrl: url, settings, env });
  const said = await startPostern(options({})).then(
    () => '',
    (error: Error) => error.message,
  );
  expect(said).toContain('advisory locks are not there');

  const env = { DATABASE_COORDINATION: 'tables' };
  // Both migrate, create keys and the first administrator in parallel.
  const [one, other] = await Promise.all([startPostern(options(env)), startPostern(options(env))]);
  const at = (port: number, path: string, init: RequestInit = {}) =>
    fetch(`http://localhost:${port}${path}`, {
      ...init,
      headers: { 'content-type': 'application/json' },
    });
  const keys = async (port: number) =>
    (((await (await at(port, '/oauth2/jwks')).json()) as { keys?: { kid: string }[] }).keys ?? []).map(
      ({ kid }) => kid,
    );
  const cli = async (...args: string[]): Promise<Outcome> => {
    const outcome = await runCli(args, { env: one.env });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    return outcome;
  };
  const { users } = JSON.parse((await cli('user', 'list', '--json')).stdout) as { users: object[] };
  expect(users).toHaveLength(1);

  const login = async (port: number) =>
    (
      await at(port, '/api/v1/auth/login', {
        method: 'POST',
        // A different name each time: a single one would be locked out.
        body: JSON.stringify({ username: randomUUID(), password: 'three unrelated words' }),
      })
    ).status;
  expect([await login(one.port), await login(other.port)]).toEqual([401, 401]);
  await cli('contract', 'close', 'gateway');
  await until(async () => (await login(one.port)) === 404 && (await login(other.port)) === 404);
  await cli('contract', 'open', 'gateway');
  await until(async () => (await login(one.port)) === 401 && (await login(other.port)) === 401);

  const before = await keys(one.port);
  await cli('key', 'rotate');
  await until(async () => (await keys(one.port)).length > before.length);
  await until(async () => JSON.stringify(await keys(other.port)) === JSON.stringify(await keys(one.port)));
});
