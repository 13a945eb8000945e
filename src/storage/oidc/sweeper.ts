import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { KEPT_EXPIRED } from './record.ts';

/** Rows in one statement: short enough to stand in nobody's way. */
const BATCH = 500;

interface Table {
  table: string;
  key: string;
  /** Milliseconds that its rows stay after they expired. */
  kept: number;
  /** The column that says when, and the time in its type; `expires_at` unless given. $1: milliseconds. */
  expires?: { column: string; time: string };
}

const DAY = 86_400_000;

const TIMESTAMP = { column: 'expires_at', time: 'to_timestamp($1::float8 / 1000)' };

/** The use of contract doors by day, in UTC: today and the 400 days before. */
const USAGE = {
  kept: 401 * DAY,
  expires: { column: 'day', time: "(to_timestamp($1::float8 / 1000) at time zone 'utc')::date" },
};

const TABLES: Table[] = [
  { table: 'oidc_records', key: 'model, id', kept: KEPT_EXPIRED },
  { table: 'oidc_grants', key: 'id', kept: 0 },
  { table: 'revocation_marks', key: 'kind, key', kept: 0 },
  { table: 'login_requests', key: 'id', kept: 0 },
  { table: 'one_time_tokens', key: 'hash', kept: 0 },
  { table: 'outbox', key: 'id', kept: 0 },
  { table: 'totp_authenticators', key: 'id', kept: 0 },
  { table: 'unanswered', key: 'key', kept: 0 },
  { table: 'trusted_devices', key: 'hash', kept: 0 },
  { table: 'former_client_secrets', key: 'client_id, hash', kept: 0 },
  { table: 'counters', key: 'key', kept: 0, expires: { column: 'expire', time: '$1::float8' } },
  { table: 'refusals', key: 'client_id, fingerprint', kept: 0 },
  { table: 'used_steps', key: 'id', kept: 0 },
  { table: 'contract_usage', key: 'door, operation, day', ...USAGE },
  { table: 'contract_users', key: 'door, operation, day, account_id', ...USAGE },
];

/** Rows that another node is deleting, or anybody is using, are left for the next time. */
const deleting = ({
  table,
  key,
  expires = TIMESTAMP,
}: Table): string => `delete from ${table} where (${key}) in (
  select ${key} from ${table} where ${expires.column} <= ${expires.time}
  order by ${expires.column} limit ${BATCH} for update skip locked)`;

/** Deletes some of what has expired, `most` of it. @returns how many there were. */
type Sweep = (most: number) => Promise<number>;

interface Dependencies {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  /** For what takes more than one statement. */
  tasks?: Record<string, Sweep>;
  /** Milliseconds between two sweeps. */
  interval?: number;
}

/** Deletes what has expired, in batches, on every node that runs one. */
export interface Sweeper {
  /** Begins to sweep on the interval, a minute unless set. A sweep that fails is logged. */
  start(): void;
  /** Ends it; a batch under way is waited for. */
  stop(): Promise<void>;
  /** Deletes all that has expired. @returns how many rows or other things were deleted, by table or task. */
  sweep(): Promise<Record<string, number>>;
}

export function createSweeper({ pool, clock, logger, tasks = {}, interval = 60_000 }: Dependencies): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let sweeping: Promise<void> = Promise.resolve();

  const tables = TABLES.map((one): [string, Sweep] => [
    one.table,
    async () => (await pool.query(deleting(one), [clock.now() - one.kept])).rowCount ?? 0,
  ]);

  async function sweep(): Promise<Record<string, number>> {
    const swept: Record<string, number> = {};
    for (const [name, deleteSome] of [...tables, ...Object.entries(tasks)]) {
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
      logger.debug({ rows: await sweep() }, 'swept what had expired');
    } catch (error) {
      logger.warn({ err: error }, 'what has expired could not be swept');
    }
    if (!isStopped) wait();
  }

  function wait(): void {
    // Nodes that started together do not sweep together.
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
