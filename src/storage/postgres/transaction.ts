import type { PoolClient, QueryConfig, QueryResultRow } from 'pg';
import type { Sequelize, Transaction } from 'sequelize';
import type { Logger } from '../../core/logger.ts';
import type { Executor } from './executor.ts';
import { CONNECTIONS } from './pool.ts';

/**
 * A transaction under way: handed to stores so that a change and its audit event commit together. Models take it as their
 * `transaction`; SQL runs on it by `query`. What `afterCommit` is given runs once it has committed, not at all when it rolls
 * back: for what another store repairs by itself; a failure is logged, because the change stands.
 */
export type Tx = Transaction & Executor;

type AfterCommit = Parameters<Tx['afterCommit']>[0];

/** Runs `work` in one transaction: commits what it did, or nothing when it throws. */
export type InTransaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/** Milliseconds that a transaction waits for its turn. */
const PATIENCE = 5_000;

/** Lets in `limit` at a time; the others wait in turn. */
function createGate(limit: number) {
  let free = limit;
  const waiting: (() => void)[] = [];
  return {
    async enter(): Promise<void> {
      if (free > 0) {
        free -= 1;
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const next = () => {
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(next), 1);
          reject(new Error('timeout exceeded when trying to connect'));
        }, PATIENCE);
        waiting.push(next);
      });
    },
    leave(): void {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    },
  };
}

/** PostgreSQL's text has no NUL: it is written as models write it, so that what is looked for by such an id is not found. */
const withoutNul = (value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('\0', String.raw`\0`) : value;

/** What it takes for a transaction of Sequelize to be ours. */
function extended(transaction: Transaction, committed: AfterCommit[]): Tx {
  // Sequelize keeps it there for its own statements; after the end another transaction may have it.
  const { connection } = transaction as Transaction & { connection: PoolClient };
  const state = transaction as Transaction & { finished?: string };
  return Object.assign(transaction, {
    async query<Row extends QueryResultRow>(statement: string | QueryConfig, values?: unknown[]) {
      if (state.finished !== undefined) throw new Error('the transaction has ended');
      return connection.query<Row>(statement, values?.map(withoutNul));
    },
    // Sequelize's own does it after a commit that failed, too.
    afterCommit: (work: AfterCommit) => void committed.push(work),
  });
}

/**
 * Transactions on the connections of the pool, but for some: what a transaction asks for beside itself finds one of those, so that
 * transactions never wait for one another's connections.
 */
export function transactions(sequelize: Sequelize, logger: Logger): InTransaction {
  const gate = createGate(CONNECTIONS.transactions);
  return async (work) => {
    const committed: (() => void | Promise<void>)[] = [];
    await gate.enter();
    const result = await sequelize
      .transaction((transaction) => work(extended(transaction, committed)))
      .finally(() => gate.leave());
    for (const task of committed) {
      try {
        await task();
      } catch (error) {
        logger.error({ err: error }, 'after a commit');
      }
    }
    return result;
  };
}
