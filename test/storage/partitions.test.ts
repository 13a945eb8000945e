import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '../../src/core/logger.ts';
import { type AuditFilters, createAuditSearch } from '../../src/storage/audit-search.ts';
import { expirePartitions } from '../../src/storage/partitions.ts';
import type { Executor } from '../../src/storage/postgres/executor.ts';
import { MIGRATIONS } from '../../src/storage/postgres/migrator.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';

let pool: ReturnType<typeof createPool>;

beforeAll(async () => {
  const { url } = await createDatabase();
  pool = createPool(url, { logger: createLogger('silent'), applicationName: 'test' });
  atEnd(() => pool.end());
  await pool.query(`
    create table notes (id int, at timestamptz, body text default 'x' not null, primary key (id, at)) partition by range (at);
    create index notes_body on notes (body, at);
    create table notes_default partition of notes default with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
    create trigger notes_kept before delete on notes for each row execute function refuse();
    create trigger notes_not_truncated before truncate on notes for each statement execute function refuse()`);
});

const ahead = async (moment: string, count: number, period = 'month') => {
  const { rows } = await pool.query<{ made: number }>('select partitions_ahead($1, $2, $3, $4) as made', [
    'notes',
    period,
    count,
    moment,
  ]);
  return rows[0]?.made;
};
const partitions = async () => {
  const { rows } = await pool.query<{ name: string; lower: Date | null; upper: Date | null }>(
    "select name::text, lower, upper from partitions_of('notes') order by lower nulls last",
  );
  return rows.map(({ name, lower, upper }) => [name, lower?.toISOString(), upper?.toISOString()]);
};

it('partitions are created ahead, once, in any time zone and by parallel calls', async () => {
  await pool.query("set time zone 'America/New_York'");
  const made = await Promise.all([1, 2, 3, 4].map(() => ahead('2026-12-31T23:30:00Z', 1)));
  expect(made.reduce((sum, count) => Number(sum) + Number(count), 0)).toBe(2);
  expect(await partitions()).toEqual([
    ['notes_20261201', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['notes_20270101', '2027-01-01T00:00:00.000Z', '2027-02-01T00:00:00.000Z'],
    ['notes_default', undefined, undefined],
  ]);
  const { rows } = await pool.query<{ options: string[]; indexes: number }>(
    `select reloptions as options, (select count(*)::int from pg_index where indrelid = pg_class.oid) as indexes
      from pg_class where relname = 'notes_20270101'`,
  );
  expect(rows[0]).toEqual({ options: ['fillfactor=70', 'autovacuum_vacuum_scale_factor=0.02'], indexes: 2 });
  for (const statement of ['delete from notes_20261201', 'truncate notes_20261201', 'truncate notes']) {
    await pool.query("insert into notes values (1, '2026-12-05Z') on conflict do nothing");
    await expect(pool.query(statement)).rejects.toThrow('refused');
  }
});

it('no partition is created over rows in the default partition or over another partition', async () => {
  await pool.query("insert into notes values (2, '2027-03-15Z')");
  expect(await ahead('2027-02-01T00:00:00Z', 2)).toBe(2);
  expect((await partitions()).map(([name]) => name)).toEqual([
    'notes_20261201',
    'notes_20270101',
    'notes_20270201',
    'notes_20270401',
    'notes_default',
  ]);
  expect(await ahead('2027-04-20T00:00:00Z', 0, 'day')).toBe(0);
});

it('expired partitions are dropped as a whole, and their rows counted', async () => {
  const drop = async (before: string) => {
    const { rows } = await pool.query<{ dropped: string }>("select partitions_drop('notes', $1) as dropped", [
      before,
    ]);
    return Number(rows[0]?.dropped);
  };
  await pool.query("insert into notes select n, '2027-01-20Z' from generate_series(1, 30) n");
  expect(await drop('2026-12-31T23:59:59Z')).toBe(0);
  expect(await Promise.all([drop('2027-02-01T00:00:00Z'), drop('2027-02-01T00:00:00Z')])).toEqual(
    expect.arrayContaining([31, 0]),
  );
  expect((await pool.query('select id from notes')).rows).toEqual([{ id: 2 }]);
  const [reader, another] = await Promise.all([pool.connect(), pool.connect()]);
  await reader.query('begin');
  await reader.query('select from notes');
  await expect(another.query("select partitions_drop('notes', '2028-01-01')")).rejects.toThrow(
    /lock timeout/,
  );
  await reader.query('rollback');
  reader.release();
  another.release();
  expect(await drop('2028-01-01T00:00:00Z')).toBe(0);
});

describe('the audit log', () => {
  /** Events of eight months: from before partitions, from months with their own partition, and from now. */
  beforeAll(async () => {
    await pool.query(`
      select partition_add('audit_events', '2026-03-01Z', '2026-04-01Z'), partition_add('audit_events', '2026-04-01Z', '2026-05-01Z'),
        partition_add('audit_events', '2026-06-01Z', '2026-07-01Z');
      insert into audit_events (id, at, type, outcome, actor_kind, actor_id, client_id, door, ip, request_id)
        select gen_random_uuid(), '2026-01-20Z'::timestamptz + n / 3 * interval '48 hours',
          (array['login', 'logout', 'user.updated'])[1 + n % 3], case n % 5 when 0 then 'failure' else 'success' end, 'user',
          'actor-' || n % 4, 'app-' || n % 2, (array['pages', 'api'])[1 + n / 7 % 2], ('10.0.0.' || n % 9)::inet, 'r-' || n % 50
        from generate_series(0, 299) n`);
  });

  const FILTERS: [AuditFilters, string][] = [
    [{}, 'true'],
    [{ type: ['login'] }, "type = 'login'"],
    [{ type: ['user.*', 'logout'], outcome: ['failure'] }, "type <> 'login' and outcome = 'failure'"],
    [{ door: ['api'], clientId: ['app-1'] }, "door = 'api' and client_id = 'app-1'"],
    [{ outcome: ['success', 'failure'], clientId: ['app-0', 'app-1'] }, 'true'],
    [{ actor: ['actor-0', 'actor-3'], clientId: ['app-1'] }, "actor_id = 'actor-3'"],
    [{ actor: ['actor-0'], clientId: ['app-1'] }, 'false'],
    [{ type: ['none.*'] }, 'false'],
    [{ ip: ['10.0.0.0/29'], type: ['login'] }, "ip <<= '10.0.0.0/29' and type = 'login'"],
    [{ requestId: ['r-7'], outcome: ['success'] }, "request_id = 'r-7' and outcome = 'success'"],
    [
      { door: ['pages'], after: new Date('2026-03-10Z'), before: new Date('2026-06-03T00:00:00Z') },
      "door = 'pages' and at >= '2026-03-10Z' and at < '2026-06-03Z'",
    ],
  ];

  async function expectPages(filters: AuditFilters, condition: string, limit = 7) {
    const search = createAuditSearch(pool);
    for (const descending of [true, false]) {
      const found: string[] = [];
      let after: string[] | null = null;
      do {
        const page: Awaited<ReturnType<typeof search.list>> = await search.list({
          filters,
          sort: 'at',
          descending,
          limit,
          after,
        });
        found.push(...page.items.map(({ id }) => id));
        after = page.next;
      } while (after);
      const direction = descending ? 'desc' : 'asc';
      const { rows } = await pool.query<{ id: string }>(
        `select id from audit_events where ${condition} order by at ${direction}, id ${direction}`,
      );
      expect(found).toEqual(rows.map(({ id }) => id));
    }
  }

  it.each(FILTERS)('is paged in order over all partitions: %j', expectPages);

  it('is paged in order even if thousands of events share a moment', async () => {
    await pool.query(`insert into audit_events (id, at, type, outcome, actor_kind, actor_id, client_id, door, ip)
      select gen_random_uuid(), '2026-03-02Z'::timestamptz + n / 2 * interval '1 second', case n % 2000 when 3 then 'key.rotated' else 'login' end,
        'success', 'user', 'actor-9', 'app-9', case n % 2 when 0 then 'pages' else 'api' end, ('10.' || 1 + n % 2 || '.0.' || n % 250)::inet
      from generate_series(0, 17999) n`);
    const ip = ['10.1.0.0/16'];
    await expectPages({ ip }, "ip <<= '10.1.0.0/16'", 4_000);
    await expectPages(
      { ip: ['10.0.0.0/8'], type: ['key.rotated'] },
      "ip <<= '10.0.0.0/8' and type = 'key.rotated'",
    );
    await expectPages({ ip, type: ['login'], door: ['api'] }, 'false');
    await expectPages({ ip, type: ['none'] }, 'false');
  });

  /** Rows read by the scans of a plan. */
  function rowsRead(plan: Record<string, unknown>): number {
    const inner = (plan['Plans'] ?? []) as Record<string, unknown>[];
    const number = (name: string) => Number(plan[name] ?? 0);
    const own = String(plan['Node Type']).includes('Scan') && 'Relation Name' in plan;
    const perLoop = number('Actual Rows') + number('Rows Removed by Filter');
    return (own ? perLoop * number('Actual Loops') : 0) + inner.reduce((sum, one) => sum + rowsRead(one), 0);
  }

  it.each([
    ['from the middle', { type: ['log.*', 'login'] }, '2026-03-02T01:00:00Z'],
    ['of a rare kind', { type: ['key.*'] }, '2026-03-02T02:30:00Z'],
    ['by a client, from the middle', { type: ['login'], clientId: ['app-9'] }, '2026-03-02T01:00:00Z'],
  ] satisfies [string, AuditFilters, string][])(
    'is read by index, at most a page of rows per partition: %s',
    async (_, filters, at) => {
      await pool.query('analyze audit_events');
      const statements: [string, unknown[] | undefined][] = [];
      const bounded: Executor = {
        query(statement, values) {
          statements.push([typeof statement === 'string' ? statement : statement.text, values]);
          return pool.query(statement, values);
        },
      };
      const search = createAuditSearch(pool, bounded);
      const march = { after: new Date('2026-03-01Z'), before: new Date('2026-04-01Z') };
      for (const descending of [true, false])
        await search.list({
          filters: { ...filters, ...march },
          sort: 'at',
          descending,
          limit: 5,
          after: [at, '00000000-0000-0000-0000-000000000000'],
        });
      expect(statements.length).toBeGreaterThan(0);
      for (const [statement, values] of statements) {
        const { rows } = await pool.query<{ 'QUERY PLAN': { Plan: Record<string, unknown> }[] }>(
          `explain (analyze, format json) ${statement}`,
          values,
        );
        expect(rowsRead(rows[0]!['QUERY PLAN'][0]!.Plan)).toBeLessThan(100);
      }
    },
  );

  it('is append-only in each partition, and deleted by whole months', async () => {
    for (const table of ['audit_events_20260301', 'audit_events_default', 'audit_events_20260401']) {
      await expect(pool.query(`delete from ${table}`)).rejects.toThrow('append-only');
      await expect(pool.query(`update ${table} set door = 'api'`)).rejects.toThrow('append-only');
      await expect(pool.query(`truncate ${table}`)).rejects.toThrow('append-only');
    }
    const count = async (condition = 'true') => {
      const { rows } = await pool.query<{ count: number }>(
        `select count(*)::int as count from audit_events where ${condition}`,
      );
      return rows[0]!.count;
    };
    const march = await count("at >= '2026-03-01Z' and at < '2026-04-01Z'");
    const [strays, all] = [await count("at < '2026-03-01Z'"), await count()];
    const { rows } = await pool.query(
      "select partitions_drop('audit_events', '2026-04-20Z')::int as dropped",
    );
    expect(rows).toEqual([{ dropped: march }]);
    // Nothing of April, which is not over. Everything outside the monthly partitions, in batches.
    const sweep = async () =>
      (await pool.query<{ deleted: number }>("select audit_sweep('2026-04-20Z', 40) as deleted")).rows[0]
        ?.deleted;
    expect([await sweep(), await sweep(), await sweep()]).toEqual([40, strays - 40, 0]);
    expect(await count()).toBe(all - march - strays);
    await pool.query("select audit_purge('2026-04-20Z', 1000)");
    expect(await count("at < '2026-04-20Z'")).toBe(0);
  });
});

describe('days of accounts', () => {
  const count = async (table: string) =>
    (await pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]!.n;
  const account = async () => {
    const { rows } = await pool.query<{ id: string }>(
      `insert into users (id, email, email_key) select id, id, id from gen_random_uuid() id returning id`,
    );
    return rows[0]!.id;
  };

  it('are partitioned by whole days in UTC, whatever the session’s time zone', async () => {
    const client = await pool.connect();
    await client.query("set time zone 'Pacific/Auckland'");
    await client.query("select partitions_ahead('daily_active', 'day', 1, '2027-06-30T23:30:00Z')");
    const { rows } = await client.query(
      `select name::text, lower, upper from partitions_of('daily_active') where name::text like '%_2027%' order by lower`,
    );
    await client.query('reset time zone');
    client.release();
    expect(rows).toEqual([
      {
        name: 'daily_active_20270630',
        lower: new Date('2027-06-30T00:00:00Z'),
        upper: new Date('2027-07-01T00:00:00Z'),
      },
      {
        name: 'daily_active_20270701',
        lower: new Date('2027-07-01T00:00:00Z'),
        upper: new Date('2027-07-02T00:00:00Z'),
      },
    ]);
  });

  it('are deleted with the account from each partition, without locking accounts', async () => {
    const [one, another] = [await account(), await account()];
    for (const day of ['2020-01-01', '2027-06-30'])
      for (const id of [one, another]) {
        await pool.query('insert into daily_active values ($1, $2)', [id, day]);
        await pool.query("insert into contract_users values ('ppl', 'login', $1, $2)", [day, id]);
      }
    await pool.query('delete from users where id = $1', [one]);
    expect([await count('daily_active'), await count('contract_users')]).toEqual([2, 2]);
    const writer = await pool.connect();
    await writer.query('begin');
    await writer.query('update users set name = id where id = $1', [another]);
    await pool.query("select partitions_ahead('daily_active', 'day', 1, '2027-09-01Z')");
    await pool.query("select partitions_drop('daily_active', '2027-07-02Z')");
    await writer.query('rollback');
    writer.release();
    expect(await count('daily_active')).toBe(1);
  });

  it('are swept in batches outside the partitions, and as whole partitions', async () => {
    const id = await account();
    await pool.query('truncate contract_users');
    await pool.query(
      `insert into contract_users select 'ppl', 'login', '2019-01-01'::date + n, $1 from generate_series(0, 9) n`,
      [id],
    );
    const now = new Date();
    await pool.query("insert into contract_users values ('ppl', 'login', $1, $2)", [now, id]);
    const sweep = async (limit: number) =>
      expirePartitions(pool, 'contract_users', new Date('2019-01-08Z'), limit);
    const holder = await pool.connect();
    await holder.query('begin');
    await holder.query("select from contract_users where day = '2019-01-02' for update");
    expect([await sweep(4), await sweep(4), await sweep(4)]).toEqual([4, 2, 0]);
    await holder.query('rollback');
    holder.release();
    expect([await sweep(4), await count('contract_users')]).toEqual([1, 4]);
    // The partition of this month, once that is over.
    expect(
      await expirePartitions(pool, 'contract_users', new Date(now.getTime() + 32 * 86_400_000), 10),
    ).toBe(4);
  });

  it('become the first partition of an existing database, and the previous version’s statements still work', async () => {
    const { url } = await createDatabase();
    const old = createPool(url, { logger: createLogger('silent'), applicationName: 'test' });
    atEnd(() => old.end());
    await old.query('drop schema public cascade; create schema public');
    for (const file of readdirSync(MIGRATIONS).toSorted()) {
      if (!file.endsWith('.sql')) continue;
      const sql = await readFile(path.join(MIGRATIONS, file), 'utf8');
      if (file.startsWith('0191'))
        await old.query(
          `insert into users (id, email, email_key) values ('5f0c6a52-6a6b-4a43-9d61-0d6a0c0b2d11', 'a', 'a');
           insert into contract_users select 'ppl', 'login', now()::date - n * 100, id from users, generate_series(0, 5) n;
           insert into daily_active select id, now()::date from users`,
        );
      // Files without a transaction run their statements one by one.
      if (sql.startsWith('-- postern: no transaction'))
        for (const statement of sql.replaceAll(/^--.*$/gm, '').split(';')) await old.query(statement);
      else await old.query(sql);
    }
    const { rows } = await old.query(
      `select name::text from partitions_of('contract_users') where lower is null order by 1`,
    );
    expect(rows).toEqual([{ name: 'contract_users_before' }, { name: 'contract_users_default' }]);
    // The inserts and the sweep of the previous version.
    await old.query(
      `insert into contract_users select 'ppl', 'login', now()::date, id from users on conflict do nothing`,
    );
    const swept = await old.query(
      `delete from contract_users where (door, operation, day, account_id) in (
        select door, operation, day, account_id from contract_users where day <= now()::date - 401
        order by day limit 500 for update skip locked)`,
    );
    expect(swept.rowCount).toBe(1);
    await old.query('delete from users');
    expect((await old.query('select from contract_users union all select from daily_active')).rows).toEqual(
      [],
    );
  });
});
