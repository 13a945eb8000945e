/**
 * Tables partitioned by ranges of time: old rows are dropped with their partition instead of deleted. The functions of migration
 * 0165 make and drop partitions; a default partition takes rows of a range that has none.
 *
 * raw-sql: models know no partitions.
 */
import type { Executor } from './postgres/executor.ts';

interface Ranges {
  /** In UTC. */
  period: 'day' | 'week' | 'month';
  /** Partitions to create ahead of time, in case no node runs for a while. */
  ahead: number;
}

/** The partitioned tables. A migration makes each, with its first partitions. */
export const PARTITIONED = {
  audit_events: { period: 'month', ahead: 3 },
  contract_users: { period: 'month', ahead: 2 },
  daily_active: { period: 'day', ahead: 3 },
} as const satisfies Record<string, Ranges>;

export type PartitionedTable = keyof typeof PARTITIONED;

/** @param now in milliseconds. @returns how many partitions are new, in all tables. */
export async function preparePartitions(pool: Executor, now: number): Promise<number> {
  let made = 0;
  for (const [table, { period, ahead }] of Object.entries<Ranges>(PARTITIONED)) {
    const { rows } = await pool.query<{ made: number }>('select partitions_ahead($1, $2, $3, $4) as made', [
      table,
      period,
      ahead,
      new Date(now),
    ]);
    made += rows[0]!.made;
  }
  return made;
}

/**
 * Drops the partitions whose whole range is before a moment.
 * @returns how many rows they had.
 * @throws the database's error 55P03 when somebody reads the table for more than two seconds.
 */
export async function dropPartitions(pool: Executor, table: PartitionedTable, before: Date): Promise<number> {
  const { rows } = await pool.query<{ dropped: string }>('select partitions_drop($1, $2) as dropped', [
    table,
    before,
  ]);
  return Number(rows[0]!.dropped);
}

/** Deletes at most `limit` rows from before a moment, in partitions of no single range. @returns how many. */
async function sweepPartitions(
  pool: Executor,
  table: PartitionedTable,
  before: Date,
  limit: number,
): Promise<number> {
  const { rows } = await pool.query<{ deleted: number }>('select partitions_sweep($1, $2, $3) as deleted', [
    table,
    before,
    limit,
  ]);
  return rows[0]!.deleted;
}

/** SQLSTATE lock_not_available. */
const LOCKED = '55P03';

/**
 * Drops old partitions, except one that somebody reads for long, and deletes at most `limit` rows from before a moment elsewhere.
 * @returns how many rows there were.
 */
export async function expirePartitions(
  pool: Executor,
  table: PartitionedTable,
  before: Date,
  limit: number,
): Promise<number> {
  const dropped = await dropPartitions(pool, table, before).catch((error: unknown) => {
    if ((error as { code?: string }).code === LOCKED) return 0;
    throw error;
  });
  return dropped + (await sweepPartitions(pool, table, before, limit));
}
