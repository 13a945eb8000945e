import { randomUUID } from 'node:crypto';
import { beforeAll, expect, jest, test } from '@jest/globals';
import { createSweeper } from '../../src/storage/oidc/sweeper.ts';
import { openBackend, silent, type Backend } from './backends.ts';

let backend: Backend;

beforeAll(async () => {
  backend = await openBackend('PostgreSQL alone');
});

const counts = async () => {
  const { rows } = await backend.pool.query<Record<string, number>>(`select
    (select count(*)::int from oidc_records) as records, (select count(*)::int from oidc_grants) as grants,
    (select count(*)::int from revocation_marks) as marks`);
  return rows[0];
};

/** Rows of every kind that expire in `seconds`, and a record that expires later than its grant. */
async function fill(count: number, seconds: number): Promise<void> {
  for (const sql of [
    `insert into oidc_records (model, id, payload, expires_at)
       select 'Interaction', gen_random_uuid()::text, '{}', to_timestamp($1) from generate_series(1, $2)`,
    `insert into revocation_marks select 'token', gen_random_uuid()::text, to_timestamp($1) from generate_series(1, $2)`,
    `with grants as (insert into oidc_grants (id, payload, expires_at)
       select gen_random_uuid()::text, '{}', to_timestamp($1) from generate_series(1, $2) returning id)
     insert into oidc_records (model, id, payload, grant_id, expires_at)
       select 'RefreshToken', gen_random_uuid()::text, '{}', id, to_timestamp($1) + interval '1 year' from grants`,
  ])
    await backend.pool.query(sql, [backend.clock.now() / 1000 + seconds, count]);
}

const sweeper = (interval?: number) =>
  createSweeper({ pool: backend.pool, clock: backend.clock, logger: silent, ...(interval && { interval }) });

test('the sweeper deletes everything that has expired and nothing else, on several nodes in parallel', async () => {
  await fill(1_200, -3600);
  await fill(10, 3600);
  const swept = await Promise.all([sweeper().sweep(), sweeper().sweep(), sweeper().sweep()]);
  expect(await counts()).toEqual({ records: 20, grants: 10, marks: 10 });
  const total = (table: string) => swept.reduce((sum, rows) => sum + (rows[table] ?? 0), 0);
  expect(total('oidc_grants')).toBe(1_200);
  expect(total('revocation_marks')).toBe(1_200);
});

test('the sweeper skips locked rows without waiting', async () => {
  await sweeper().sweep();
  await fill(3, -3600);
  const client = await backend.pool.connect();
  await client.query('begin');
  await client.query(
    "select from oidc_records where model = 'Interaction' and expires_at < now() limit 1 for update",
  );
  expect(await sweeper().sweep()).toMatchObject({ oidc_records: 2 });
  await client.query('commit');
  client.release();
  expect(await sweeper().sweep()).toMatchObject({ oidc_records: 1 });
});

test('an ended session is remembered as long as a request may have it, then swept', async () => {
  const sessions = backend.adapters('Session');
  const [id, uid] = [randomUUID(), randomUUID()];
  await sessions.upsert(id, { uid }, 5);
  await sessions.destroy(id);
  backend.clock.forward(540_000);
  await sweeper().sweep();
  await sessions.upsert(id, { uid }, 60);
  expect(await sessions.find(id)).toBeUndefined();
  backend.clock.forward(60_001);
  expect(await sweeper().sweep()).toMatchObject({ oidc_records: 1 });
});

test('the usage of contracts is kept for 400 days', async () => {
  const account = await backend.newAccount();
  const today = backend.clock.now();
  for (const days of [0, 400, 401, 900]) {
    const day = new Date(today - days * 86_400_000).toISOString().slice(0, 10);
    await backend.pool.query(`insert into contract_usage values ('ppl', 'login', $1::date, 1, $1::date)`, [
      day,
    ]);
    await backend.pool.query(`insert into contract_users values ('ppl', 'login', $1, $2)`, [day, account]);
  }
  expect(await sweeper().sweep()).toMatchObject({ contract_usage: 2, contract_users: 2 });
  const { rows } = await backend.pool.query('select from contract_usage join contract_users using (day)');
  expect(rows).toHaveLength(2);
});

test('the sweeper runs on its interval until it is stopped, whatever fails meanwhile', async () => {
  const running = sweeper(5);
  await backend.pool.query('alter table oidc_grants rename to away');
  const failures = jest.spyOn(silent, 'warn');
  running.start();
  while (failures.mock.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  failures.mockRestore();
  await backend.pool.query('alter table away rename to oidc_grants');
  await fill(5, -3600);
  while ((await counts())?.['marks'] !== 10) await new Promise((resolve) => setTimeout(resolve, 5));
  await running.stop();
  await fill(1, -3600);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await counts()).toMatchObject({ marks: 11 });
});
