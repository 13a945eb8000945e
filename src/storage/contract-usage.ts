import type { Pool } from 'pg';

/** What a process has counted since it last wrote. */
export interface UsageBatch {
  requests: { door: string; operation: string; day: string; requests: number; lastUsedAt: Date }[];
  users: { door: string; operation: string; day: string; accountId: string }[];
}

export interface UsageRow {
  door: string;
  operation: string;
  /** `YYYY-MM-DD`, UTC. */
  day: string;
  requests: number;
  users: number;
  lastUsedAt: Date;
}

export interface ContractUsageStore {
  /** Adds a batch: one statement, whatever its size, so that all of it is counted or nothing. An account that is gone is left out. */
  add(batch: UsageBatch): Promise<void>;
  /** By door, endpoint and day; of one door alone when named. @param since the first day, `YYYY-MM-DD`. */
  list(since: string, door?: string): Promise<UsageRow[]>;
  /** How many accounts used each door since that day, each counted once. */
  countUsers(since: string): Promise<Map<string, number>>;
}

const ADD = `with users as (
    insert into contract_users (door, operation, day, account_id)
    select door, operation, day, "accountId"
    from jsonb_to_recordset($2) as r(door text, operation text, day date, "accountId" uuid)
    where exists (select from users where id = "accountId")
    order by "accountId", door, operation, day
    on conflict do nothing
  )
  insert into contract_usage as u (door, operation, day, requests, last_used_at)
  select * from jsonb_to_recordset($1)
    as r(door text, operation text, day date, requests bigint, "lastUsedAt" timestamptz)
  order by door, operation, day
  on conflict (door, operation, day) do update
  set requests = u.requests + excluded.requests, last_used_at = greatest(u.last_used_at, excluded.last_used_at)`;

const LIST = `select u.door, u.operation, to_char(u.day, 'YYYY-MM-DD') as day, u.requests::float8 as requests,
    u.last_used_at as "lastUsedAt",
    (select count(*)::int from contract_users p
     where p.door = u.door and p.operation = u.operation and p.day = u.day) as users
  from contract_usage u where u.day >= $1 and ($2::text is null or u.door = $2)
  order by u.door, u.day desc, u.operation`;

/** Who uses which contract door, in PostgreSQL. */
export function createContractUsageStore(pool: Pool): ContractUsageStore {
  return {
    async add({ requests, users }) {
      await pool.query(ADD, [JSON.stringify(requests), JSON.stringify(users)]);
    },
    async list(since, door) {
      const { rows } = await pool.query<UsageRow>(LIST, [since, door ?? null]);
      return rows;
    },
    async countUsers(since) {
      const { rows } = await pool.query<{ door: string; users: number }>(
        'select door, count(distinct account_id)::int as users from contract_users where day >= $1 group by door',
        [since],
      );
      return new Map(rows.map(({ door, users }) => [door, users]));
    },
  };
}
