// raw-sql: one statement counts a batch, all or nothing; counts beside rows.
import type { Pool } from 'pg';
import type { Attributes } from 'sequelize';
import { type ContractCaller, ContractUsage, type ContractUser } from './models/contracts.ts';
import { recordOf } from './models/define.ts';

type Use = Attributes<ContractUsage>;

/** Counts of a process since its last write. */
export interface UsageBatch {
  requests: Use[];
  users: Attributes<ContractUser>[];
  callers: Attributes<ContractCaller>[];
}

/** Requests of one program, or of one address. */
export interface CallerRow {
  kind: ContractCaller['kind'];
  /** Empty for all callers beyond a day's bound. */
  caller: string;
  requests: number;
  lastUsedAt: Date;
}

/** An account that used a contract, on how many days, and when last. */
export interface AccountRow {
  accountId: string;
  days: number;
  lastDay: string;
}

/** Number of distinct callers of a contract; accounts up to `MAX_ACCOUNTS`. */
export interface Reach {
  requests: number;
  accounts: number;
  clients: number;
  addresses: number;
}

export interface UsageRow extends Use {
  users: number;
}

export interface ContractUsageStore {
  /** Adds a batch of any size in one statement, all or nothing. Deleted accounts are left out. */
  add(batch: UsageBatch): Promise<void>;
  /** By door, endpoint and day; only of one door if given. @param since the first day, `YYYY-MM-DD`. */
  list(since: string, door?: string): Promise<UsageRow[]>;
  /** The programs and addresses that called a contract since that day, most requests first. */
  callers(since: string, door: string, kind: ContractCaller['kind'], limit: number): Promise<CallerRow[]>;
  /** The accounts that used a contract since that day, latest first. */
  accounts(since: string, door: string, limit: number): Promise<AccountRow[]>;
  /** Callers since that day that closing a contract would affect. Callers beyond a day's bound count as one. */
  reach(since: string, door: string): Promise<Reach>;
  /** When each contract was last called, as far as records are kept. */
  lastUses(): Promise<Map<string, Date>>;
  /** How many accounts used each door since that day, each counted once up to `MAX_ACCOUNTS`. */
  countUsers(since: string): Promise<Map<string, number>>;
  /** Requests to each door since that day. */
  requests(since: string): Promise<Map<string, number>>;
}

const record = recordOf(ContractUsage);

/** Maximum of distinct programs and addresses per day and contract, so that invented ones cannot fill the table. */
const MAX_CALLERS = 500;

/** Maximum of accounts to count: for the decision to close a contract, "thousands" says as much as a million. */
const MAX_ACCOUNTS = 10_000;
/** Maximum of rows that a count reads, latest days first. */
const MAX_USES = 20_000;

/** A door's operations by day, latest first: the index of accounts begins with them. */
const usesOf = (door: string, since: string) =>
  `(select operation, day from contract_usage where door = ${door} and day >= ${since} order by day desc, operation)`;

/** Counts a door's accounts since a day. @param door, since SQL of them. */
const accountsOf = (door: string, since: string) => `(select count(*)::int from (
    select distinct account_id from (
      select account_id from ${usesOf(door, since)} as uses cross join lateral (
        select account_id from contract_users u
        where u.door = ${door} and u.operation = uses.operation and u.day = uses.day limit ${MAX_ACCOUNTS}) as of_day
      limit ${MAX_USES}) as found
    limit ${MAX_ACCOUNTS}) as accounts)`;

const ADD = `with users as (
    insert into contract_users (door, operation, day, account_id)
    select door, operation, day, "accountId"
    from jsonb_to_recordset($2) as r(door text, operation text, day date, "accountId" uuid)
    where exists (select from users where id = "accountId")
    order by "accountId", door, operation, day
    on conflict do nothing
  ), counted as (
    select r.*, known.caller is not null as is_known,
      row_number() over (partition by r.door, r.day, r.kind, known.caller is not null order by r.requests desc, r.caller)
        + (select count(*) from contract_callers c where (c.door, c.day, c.kind) = (r.door, r.day, r.kind)) as place
    from jsonb_to_recordset($3)
      as r(door text, day date, kind text, caller text, requests bigint, "lastUsedAt" timestamptz)
    left join contract_callers known using (door, day, kind, caller)
  ), callers as (
    insert into contract_callers as c (door, day, kind, caller, requests, last_used_at)
    select door, day, kind, case when is_known or place <= ${MAX_CALLERS} then caller else '' end as named,
      sum(requests), max("lastUsedAt")
    from counted
    group by door, day, kind, named
    order by door, day, kind, named
    on conflict (door, day, kind, caller) do update
    set requests = c.requests + excluded.requests, last_used_at = greatest(c.last_used_at, excluded.last_used_at)
  )
  insert into contract_usage as u (door, operation, day, requests, last_used_at)
  select * from jsonb_to_recordset($1)
    as r(door text, operation text, day date, requests bigint, "lastUsedAt" timestamptz)
  order by door, operation, day
  on conflict (door, operation, day) do update
  set requests = u.requests + excluded.requests, last_used_at = greatest(u.last_used_at, excluded.last_used_at)`;

const LIST = `select ${record.columnsOf('u')},
    (select count(*)::int from (select from contract_users p
     where p.door = u.door and p.operation = u.operation and p.day = u.day limit ${MAX_ACCOUNTS}) as accounts) as users
  from contract_usage u where u.day >= $1 and ($2::text is null or u.door = $2)
  order by u.door, u.day desc, u.operation`;

const CALLERS = `select kind, caller, sum(requests)::float8 as requests, max(last_used_at) as "lastUsedAt"
  from contract_callers where door = $2 and kind = $3 and day >= $1
  group by kind, caller order by sum(requests) desc, caller limit $4`;
/** Reads twice as many of a day as requested: as many of them may have a later day, too. */
const ACCOUNTS = `with latest as (
    select account_id, max(day) as day from ${usesOf('$2', '$1')} as uses cross join lateral (
      select account_id from contract_users u
      where u.door = $2 and u.operation = uses.operation and u.day = uses.day order by account_id limit 2 * $3) as of_day
    group by account_id order by max(day) desc, account_id limit $3)
  select account_id as "accountId", latest.day::text as "lastDay",
    (select count(distinct day)::int from contract_users u
     where u.account_id = latest.account_id and door = $2 and day >= $1) as days
  from latest order by latest.day desc, account_id`;
const REACH = `select
    (select coalesce(sum(requests), 0)::float8 from contract_usage where door = $2 and day >= $1) as requests,
    ${accountsOf('$2', '$1')} as accounts,
    count(distinct caller) filter (where kind = 'client')::int as clients,
    count(distinct caller) filter (where kind = 'address')::int as addresses
  from contract_callers where door = $2 and day >= $1`;
const COUNT_USERS = `select * from (
    select door, ${accountsOf('doors.door', '$1')} as count
    from (select distinct door from contract_usage where day >= $1) as doors) as counted
  where count > 0`;
const REQUESTS = `select door, sum(requests)::float8 as count from contract_usage where day >= $1 group by door`;
const LAST_USES = 'select door, max(last_used_at) as at from contract_usage group by door';

/** Usage of contracts, in PostgreSQL. */
export function createContractUsageStore(pool: Pool): ContractUsageStore {
  const counts = async (statement: string, since: string) => {
    const { rows } = await pool.query<{ door: string; count: number }>(statement, [since]);
    return new Map(rows.map(({ door, count }) => [door, count]));
  };
  return {
    async add({ requests, users, callers }) {
      await pool.query(ADD, [JSON.stringify(requests), JSON.stringify(users), JSON.stringify(callers)]);
    },
    async list(since, door) {
      const { rows } = await pool.query<{ users: number }>(LIST, [since, door ?? null]);
      return record.read(rows) as UsageRow[];
    },
    async callers(since, door, kind, limit) {
      const { rows } = await pool.query<CallerRow>(CALLERS, [since, door, kind, limit]);
      return rows;
    },
    async accounts(since, door, limit) {
      const { rows } = await pool.query<AccountRow>(ACCOUNTS, [since, door, limit]);
      return rows;
    },
    async reach(since, door) {
      const { rows } = await pool.query<Reach>(REACH, [since, door]);
      return rows[0]!;
    },
    async lastUses() {
      const { rows } = await pool.query<{ door: string; at: Date }>(LAST_USES);
      return new Map(rows.map(({ door, at }) => [door, at]));
    },
    countUsers: (since) => counts(COUNT_USERS, since),
    requests: (since) => counts(REQUESTS, since),
  };
}
