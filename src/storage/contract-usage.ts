// raw-sql: a batch is one statement, counted wholly or not at all; counts beside rows.
import type { Pool } from 'pg';
import { Op, type Attributes } from 'sequelize';
import { ContractUsage } from './models/contract-usage.ts';
import { ContractUser } from './models/contract-user.ts';
import { recordOf } from './models/define.ts';

type Use = Attributes<ContractUsage>;

/** What a process has counted since it last wrote. */
export interface UsageBatch {
  requests: Use[];
  users: Attributes<ContractUser>[];
}

export interface UsageRow extends Use {
  users: number;
}

export interface ContractUsageStore {
  /** Adds a batch: one statement, whatever its size, so that all of it is counted or nothing. An account that is gone is left out. */
  add(batch: UsageBatch): Promise<void>;
  /** By door, endpoint and day; of one door alone when named. @param since the first day, `YYYY-MM-DD`. */
  list(since: string, door?: string): Promise<UsageRow[]>;
  /** How many accounts used each door since that day, each counted once. */
  countUsers(since: string): Promise<Map<string, number>>;
}

const record = recordOf(ContractUsage);

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

const LIST = `select ${record.columnsOf('u')},
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
      const { rows } = await pool.query<{ users: number }>(LIST, [since, door ?? null]);
      return record.read(rows) as UsageRow[];
    },
    async countUsers(since) {
      const counts = await ContractUser.count({
        where: { day: { [Op.gte]: since } },
        distinct: true,
        col: 'accountId',
        group: ['door'],
      });
      return new Map(counts.map(({ door, count }) => [String(door), count]));
    },
  };
}
