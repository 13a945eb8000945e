import { type Sequelize, type Transaction, QueryTypes } from 'sequelize';
import type { Logger } from '../../core/logger.ts';

/** A transaction under way: handed to stores so that a change and its audit event commit together. */
export interface Tx {
  readonly handle: Transaction;
  /** Runs SQL with $1-style parameters inside the transaction and returns its rows. */
  query<Row>(sql: string, parameters?: unknown[]): Promise<{ rows: Row[] }>;
  /**
   * Runs `work` once the transaction has committed; not at all when it rolls back. For what another store repairs by
   * itself: a failure is logged, because the change stands.
   */
  afterCommit(work: () => Promise<void>): void;
}

/** Runs `work` in one transaction: commits what it did, or nothing when it throws. */
export type InTransaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

export function transactions(sequelize: Sequelize, logger: Logger): InTransaction {
  return async (work) => {
    const committed: (() => Promise<void>)[] = [];
    const result = await sequelize.transaction(async (handle) =>
      work({
        handle,
        async query<Row>(sql: string, parameters: unknown[] = []) {
          const rows = await sequelize.query(sql, {
            bind: parameters,
            type: QueryTypes.SELECT,
            transaction: handle,
          });
          return { rows: rows as Row[] };
        },
        afterCommit: (task) => void committed.push(task),
      }),
    );
    for (const task of committed) {
      await task().catch((error: unknown) => logger.error({ err: error }, 'after a commit'));
    }
    return result;
  };
}
