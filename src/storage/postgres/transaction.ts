import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool, PoolClient, QueryConfig, QueryResultRow } from 'pg';
import type { Sequelize, Transaction } from 'sequelize';
import type { Logger } from '../../core/logger.ts';
import type { Executor } from './executor.ts';
import { CONNECTIONS } from './pool.ts';

/**
 * A running transaction, passed to stores so that a change and its audit event commit together. Models take it as
 * their `transaction`; SQL runs by `query`. `afterCommit` callbacks run after the commit and never after a rollback.
 * Use them for copies that repair themselves: a failure is only logged, because the change stands.
 */
export type Tx = Transaction & Executor;

type AfterCommit = Parameters<Tx['afterCommit']>[0];

/**
 * Runs `work` in one transaction: commits what it did, or nothing when it throws. Inside `AsOne` it joins the transaction under
 * way, by a savepoint: what fails takes back what it did itself, and `afterCommit` waits for the outermost commit.
 */
export type InTransaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/**
 * Runs `work` with every transaction in it as a part of one; all that it reads by stores is read there, too. Counters count
 * outside. Inside another one it joins that.
 */
export type AsOne = InTransaction;

/**
 * Runs `work` once what was written has committed: with `tx`, with the transaction under way that stores join, or at once
 * without either. Not at all when it rolls back.
 */
export type WhenCommitted = (work: () => void, tx?: Tx) => void;

/** Milliseconds that a transaction waits for a connection. */
const PATIENCE = 5_000;

/** A semaphore of `limit`, first come first served. */
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

/** PostgreSQL's text cannot hold NUL. Escape it as models do, so that an id with one finds nothing. */
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

/** A transaction that others can join, or a part of one. */
interface Scope {
  tx: Tx;
  committed: AfterCommit[];
  /** Admits one statement or part at a time. @returns the release. */
  turn: () => Promise<() => void>;
  hasEnded: boolean;
}

const ambient = new AsyncLocalStorage<Scope>();

/** Work that outlives its transaction is on its own. */
function underWay(): Scope | undefined {
  const scope = ambient.getStore();
  return scope?.hasEnded ? undefined : scope;
}

function createTurns(): Scope['turn'] {
  let last = Promise.resolve();
  return async () => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    await before;
    return resolve;
  };
}

/** Has `work` be a part of the transaction; what it began and did not wait for ends first. */
function within<T>(tx: Tx, committed: AfterCommit[], work: () => Promise<T>): Promise<T> {
  const scope: Scope = { tx, committed, turn: createTurns(), hasEnded: false };
  return ambient.run(scope, async () => {
    try {
      return await work();
    } finally {
      const free = await scope.turn();
      scope.hasEnded = true;
      free();
    }
  });
}

async function join<T>({ tx, committed, turn }: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
  const free = await turn();
  const before = committed.length;
  try {
    await tx.query('savepoint part');
    try {
      const result = await within(tx, committed, () => work(tx));
      await tx.query('release savepoint part');
      return result;
    } catch (error) {
      committed.length = before;
      await tx.query('rollback to savepoint part');
      await tx.query('release savepoint part');
      throw error;
    }
  } finally {
    free();
  }
}

const lent = new WeakMap<PoolClient, () => void>();

/** The connection of the running transaction, for one statement of a model. Undefined without a transaction. */
export async function borrowConnection(): Promise<PoolClient | undefined> {
  const scope = underWay();
  if (!scope) return undefined;
  const free = await scope.turn();
  const { connection } = scope.tx as Tx & { connection: PoolClient };
  lent.set(connection, free);
  return connection;
}

/** @returns whether a transaction had lent the connection. */
export function giveBack(connection: PoolClient): boolean {
  const free = lent.get(connection);
  lent.delete(connection);
  free?.();
  return free !== undefined;
}

/** The pool for stores. Inside `AsOne` their statements run on the connection of the running transaction. */
export function joining(pool: Pool): Pool {
  const query = async (...statement: Parameters<Tx['query']>) => {
    const scope = underWay();
    if (!scope) return pool.query(...statement);
    const free = await scope.turn();
    return scope.tx.query(...statement).finally(free);
  };
  return Object.create(pool, { query: { value: query } }) as Pool;
}

/**
 * Runs transactions on the connections of the pool, leaving some free for statements outside of them, so that
 * transactions never wait for one another's connections.
 */
export function transactions(
  sequelize: Sequelize,
  logger: Logger,
): { inTransaction: InTransaction; asOne: AsOne; whenCommitted: WhenCommitted } {
  const gate = createGate(CONNECTIONS.transactions);
  const begin = async <T>(work: (tx: Tx, committed: AfterCommit[]) => Promise<T>): Promise<T> => {
    const committed: (() => void | Promise<void>)[] = [];
    await gate.enter();
    const result = await sequelize
      .transaction((transaction) => work(extended(transaction, committed), committed))
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
  return {
    async inTransaction(work) {
      const scope = underWay();
      return scope ? join(scope, work) : begin(work);
    },
    async asOne(work) {
      const scope = underWay();
      return scope ? join(scope, work) : begin((tx, committed) => within(tx, committed, () => work(tx)));
    },
    whenCommitted(work, tx) {
      const committed = underWay()?.committed;
      if (tx) tx.afterCommit(work);
      else if (committed) committed.push(work);
      else work();
    },
  };
}
