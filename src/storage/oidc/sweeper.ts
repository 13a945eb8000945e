// raw-sql: nodes sweep side by side by `skip locked`.
import type { Pool } from 'pg';
import type { Model, ModelStatic } from 'sequelize';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import {
  CibaRequest,
  OidcGrant,
  OidcRecord,
  RevocationMark,
  UnansweredRequest,
} from '../models/provider-records.ts';
import { Announcement } from '../models/coordination.ts';
import { ContractCaller, ContractUsage } from '../models/contracts.ts';
import { Counter } from '../models/sign-ins.ts';
import { Impersonation } from '../models/impersonation.ts';
import { AccountRefusal, DailyStat, IdempotentRequest, Refusal } from '../models/observations.ts';
import { FormerClientSecret } from '../models/clients.ts';
import { OldRefreshToken, OldTokenUse } from '../models/old-tokens.ts';
import { OneTimeToken } from '../models/tokens.ts';
import { OutboxMessage } from '../models/outbox-message.ts';
import { TotpAuthenticator, TrustedDevice, UsedStep } from '../models/factors.ts';
import { DepartedAccount, ScimToken } from '../models/origins.ts';
import { WebhookDelivery } from '../models/webhook.ts';
import { expirePartitions, type PartitionedTable, preparePartitions } from '../partitions.ts';

/** Rows per statement, few enough not to block others. */
const BATCH = 500;

interface Table {
  model: ModelStatic<Model>;
  /** Milliseconds to keep rows after they expire; 0 by default. */
  kept?: number;
  /** The column of the expiry, and the time in its type; `expires_at` by default. $1: milliseconds. */
  expires?: { column: string; time: string };
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const TIMESTAMP = { column: 'expires_at', time: 'to_timestamp($1::float8 / 1000)' };

/** The use of contracts by day, in UTC: today and the 400 days before. */
const USAGE = {
  kept: 401 * DAY,
  expires: { column: 'day', time: "(to_timestamp($1::float8 / 1000) at time zone 'utc')::date" },
};

const TABLES: Table[] = [
  { model: OidcRecord },
  { model: OidcGrant },
  { model: Announcement, kept: HOUR, expires: { column: 'at', time: TIMESTAMP.time } },
  { model: RevocationMark },
  { model: CibaRequest },
  { model: OneTimeToken },
  { model: OutboxMessage },
  { model: TotpAuthenticator },
  { model: UnansweredRequest },
  { model: TrustedDevice },
  { model: FormerClientSecret },
  { model: Counter, expires: { column: 'expire', time: '$1::float8' } },
  { model: Refusal },
  { model: AccountRefusal },
  { model: UsedStep },
  { model: WebhookDelivery },
  { model: IdempotentRequest },
  { model: ScimToken },
  // A task ends those under way; the audit keeps their record.
  { model: Impersonation, kept: DAY },
  { model: ContractUsage, ...USAGE },
  // They include addresses of people.
  { model: ContractCaller, ...USAGE, kept: 91 * DAY },
  { model: OldRefreshToken },
  // Longer than the lifetime of legacy tokens.
  {
    model: DepartedAccount,
    kept: 401 * DAY,
    expires: { column: 'departed_at', time: TIMESTAMP.time },
  },
  { model: OldTokenUse, ...USAGE },
  { model: DailyStat, ...USAGE },
];

/**
 * Partitioned tables, and how many days a row is kept after its day. Partitions are dropped whole, so a row may stay until its
 * month is over.
 */
const PARTITIONS = { contract_users: 400, daily_active: 1 } satisfies Partial<
  Record<PartitionedTable, number>
>;

/** Skip locked rows: another node deletes them, or a request uses them. */
function deleting({ model, expires = TIMESTAMP }: Table): string {
  const attributes = model.getAttributes();
  const key = model.primaryKeyAttributes.map((name) => attributes[name]?.field).join(', ');
  return `delete from ${model.tableName} where (${key}) in (
    select ${key} from ${model.tableName} where ${expires.column} <= ${expires.time}
    order by ${expires.column} limit ${BATCH} for update skip locked)`;
}

/** Deletes at most `limit` expired rows. @returns how many. */
type Sweep = (limit: number) => Promise<number>;

interface Dependencies {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  /** Tasks that take more than one statement. */
  tasks?: Record<string, Sweep>;
  /** Milliseconds between two sweeps. */
  interval?: number;
}

/**
 * Deletes what has expired, in batches or by whole partitions, and creates partitions ahead of time, on every node that runs it.
 */
export interface Sweeper {
  /** Starts sweeping on the interval, one minute unless set. Logs a failed sweep. */
  start(): void;
  /** Stops after the current batch. */
  stop(): Promise<void>;
  /** Deletes everything expired. @returns how many deletions, by table or task. */
  sweep(): Promise<Record<string, number>>;
}

export function createSweeper({ pool, clock, logger, tasks = {}, interval = 60_000 }: Dependencies): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let sweeping: Promise<void> = Promise.resolve();

  /** The start of the UTC day so many days ago. */
  const daysAgo = (days: number) => new Date(Math.floor(clock.now() / DAY - days) * DAY);

  const partitions = Object.entries(PARTITIONS).map(([table, days]): [string, Sweep] => [
    table,
    (limit) => expirePartitions(pool, table as PartitionedTable, daysAgo(days), limit),
  ]);
  const sweepOf = (table: Table): [string, Sweep] => {
    const { model, kept = 0 } = table;
    const statement = deleting(table);
    return [model.tableName, async () => (await pool.query(statement, [clock.now() - kept])).rowCount ?? 0];
  };

  async function sweep(): Promise<Record<string, number>> {
    const swept: Record<string, number> = {};
    await preparePartitions(pool, clock.now());
    for (const [name, deleteSome] of [...TABLES.map(sweepOf), ...partitions, ...Object.entries(tasks)]) {
      for (;;) {
        const count = await deleteSome(BATCH);
        swept[name] = (swept[name] ?? 0) + count;
        if (isStopped || count < BATCH) break;
      }
    }
    return swept;
  }

  async function sweepAndGoOn(): Promise<void> {
    try {
      logger.debug({ rows: await sweep() }, 'deleted expired rows');
    } catch (error) {
      logger.warn({ err: error }, 'expired rows could not be deleted');
    }
    if (!isStopped) wait();
  }

  function wait(): void {
    // Spread nodes that started together.
    const pause = interval * (0.75 + Math.random() / 2);
    timer = setTimeout(() => {
      sweeping = sweepAndGoOn();
    }, pause).unref();
  }

  return {
    sweep,
    start() {
      isStopped = false;
      wait();
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await sweeping;
    },
  };
}
