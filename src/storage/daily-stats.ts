// raw-sql: one statement counts a batch; an insertion decides whether it is an account's first login of the day.
import type { Pool } from 'pg';

export const METRICS = [
  'sign_ins',
  'failures',
  'sign_ups',
  'active',
  'tokens',
  'attacks',
  'lockouts',
] as const;
export type Metric = (typeof METRICS)[number];

/** Counts of a process since its last write. */
export interface StatsBatch {
  counts: { day: string; metric: Metric; count: number }[];
  /** Who signed in. */
  people: { day: string; accountId: string }[];
}

export interface DailyStatsStore {
  /** Adds a batch, all or nothing. An account counts once a day across all processes; deleted accounts are left out. */
  add(batch: StatsBatch): Promise<void>;
  /** By day, latest first. @param since the first day, `YYYY-MM-DD`. */
  list(since: string): Promise<{ day: string; metric: Metric; count: number }[]>;
}

const ADD = `with seen as (
    insert into daily_active (account_id, day)
    select "accountId", day from jsonb_to_recordset($2) as r("accountId" uuid, day date)
    where exists (select from users where id = "accountId")
    order by 1, 2
    on conflict do nothing
    returning day
  ), counted as (
    select day, metric, count from jsonb_to_recordset($1) as r(day date, metric text, count bigint)
    union all
    select day, 'active', count(*) from seen group by day
  )
  insert into daily_stats as s (day, metric, count)
  select * from counted order by day, metric
  on conflict (day, metric) do update set count = s.count + excluded.count`;

const LIST = `select day::text as day, metric, count::float8 as count
  from daily_stats where day >= $1 order by day desc, metric`;

/** Daily statistics, in PostgreSQL. */
export const createDailyStatsStore = (pool: Pool): DailyStatsStore => ({
  async add({ counts, people }) {
    await pool.query(ADD, [JSON.stringify(counts), JSON.stringify(people)]);
  },
  async list(since) {
    const { rows } = await pool.query<{ day: string; metric: Metric; count: number }>(LIST, [since]);
    return rows;
  },
});
