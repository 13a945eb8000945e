/**
 * Tables in partitions by ranges of time: what is over goes as a whole, without deleting rows. The functions of migration
 * 0165 make and drop partitions; a default partition takes rows of a range that has none.
 *
 * raw-sql: partitions are of the database alone.
 */
import type { Executor } from './postgres/executor.ts';

interface Ranges {
  /** In UTC. */
  period: 'day' | 'week' | 'month';
  /** Partitions made ahead of time, for a time when nobody makes any. */
  ahead: number;
}

/** The partitioned tables. A migration makes each, with its first partitions. */
export const PARTITIONED = {
  audit_events: { period: 'month', ahead: 3 },
} as const satisfies Record<string, Ranges>;

export type PartitionedTable = keyof typeof PARTITIONED;

/** @param now in milliseconds. @returns how many partitions are new, of all tables. */
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
