import { AsyncLocalStorage } from 'node:async_hooks';
import type { Pool, PoolClient, QueryConfig, QueryResultRow } from 'pg';
import type { Sequelize, Transaction } from 'sequelize';
import type { Logger } from '../../core/logger.ts';
import type { Executor } from './executor.ts';
import { type Coordination, type Locks, locksOf } from './locks.ts';
import { CONNECTIONS } from './pool.ts';

/**
 * A running transaction, passed to stores so that a change and its audit event commit together. Models take it as
 * their `transaction`; SQL runs by `query`; `lock` keeps other nodes out. `afterCommit` callbacks run after the commit and never after a rollback.
 * Use them for copies that repair themselves: a failure is only logged, because the change stands.
 */
export type Tx = Transaction & Executor & Locks;

type AfterCommit = Parameters<Tx['afterCommit']>[0];

/**
 * Runs `work` in one transaction: commits what it did, or nothing when it throws. Inside `AsOne` it joins the running
 * transaction by a savepoint: a failure undoes only its own work, and `afterCommit` waits for the outermost commit.
 */
export type InTransaction = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/**
 * Runs `work` with all its transactions as parts of one; stores read in it, too. Counters stay outside. Inside another `AsOne`
 * it joins that.
 */
export type AsOne = InTransaction;

/**
 * Runs `work` once the written data has committed: with `tx`, with the running transaction that stores join, or at once without
 * either. Never after a rollback.
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
export const withoutNul = (value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('\0', String.raw`\0`) : value;

/** The point that a failing part rolls back to. */
interface Savepoint {
  name: string;
  /** Whether the database has it. False when the transaction had failed before. */
  isMade: Promise<boolean>;
}

/** Writes gathered rows by one statement. */
type WriteRows<Row> = (rows: readonly Row[], executor: Executor) => Promise<void>;

/** A row that waits to be written together with others of its kind. */
interface Gathered {
  row: unknown;
  write: WriteRows<unknown>;
}

/** A transaction that others can join, or a part of one. */
interface Scope {
  tx: Tx;
  committed: AfterCommit[];
  gathered: Gathered[];
  /** The scope that this one is a part of. Undefined for the whole transaction. */
  encloser: Scope | undefined;
  savepoints: Savepoints;
  /** Created with the first statement in the scope. Shared with the enclosing scope if that has run nothing before. */
  savepoint: Savepoint | undefined;
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

/** The savepoints of one transaction. */
class Savepoints {
  readonly #connection: PoolClient;
  #count = 0;
  /** Of a part that has ended. Released when the next one is made. */
  #over: Savepoint | undefined;

  constructor(connection: PoolClient) {
    this.#connection = connection;
  }

  /** Makes the savepoint of a part before its first statement. Don't wait for it: the connection runs queries in order. */
  before(part: Scope): void {
    if (part.savepoint || !part.encloser) return;
    const name = `part_${(this.#count += 1)}`;
    const release = this.#over ? `release savepoint ${this.#over.name};` : '';
    this.#over = undefined;
    const made = this.#connection.query(`${release}savepoint ${name}`);
    const isMade = made.then(
      () => true,
      () => false,
    );
    const savepoint = { name, isMade };
    for (let scope = part; scope.encloser && !scope.savepoint; scope = scope.encloser)
      scope.savepoint = savepoint;
  }

  /** Rolls back what a part did. */
  async undo({ savepoint }: Scope): Promise<void> {
    if (!savepoint || !(await savepoint.isMade)) return;
    this.#over = undefined;
    await this.#connection.query(`rollback to savepoint ${savepoint.name}`);
  }

  after({ savepoint, encloser }: Scope): void {
    if (savepoint && savepoint !== encloser?.savepoint) this.#over = savepoint;
  }
}

/** Where Sequelize keeps the connection for its own statements. */
const connectionOf = (transaction: Transaction): PoolClient =>
  (transaction as Transaction & { connection: PoolClient }).connection;

/** Adds what `Tx` has beyond a transaction of Sequelize. */
function extended(transaction: Transaction, committed: AfterCommit[], coordination: Coordination): Tx {
  // Keep it: after the end another transaction may use it.
  const connection = connectionOf(transaction);
  const state = transaction as Transaction & { finished?: string };
  const forStatement = (): PoolClient => {
    const scope = underWay();
    if (scope?.tx === transaction) scope.savepoints.before(scope);
    return connection;
  };
  Object.defineProperty(transaction, 'connection', { get: forStatement });
  const executor: Executor = {
    async query<Row extends QueryResultRow>(statement: string | QueryConfig, values?: unknown[]) {
      if (state.finished !== undefined) throw new Error('the transaction has ended');
      return forStatement().query<Row>(statement, values?.map(withoutNul));
    },
  };
  return Object.assign(transaction, {
    ...executor,
    ...locksOf(executor, coordination),
    // Sequelize's own callbacks run after a failed commit, too.
    afterCommit: (work: AfterCommit) => void committed.push(work),
  });
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

const inside = (of: Pick<Scope, 'tx' | 'committed' | 'gathered' | 'encloser' | 'savepoints'>): Scope => ({
  ...of,
  savepoint: undefined,
  turn: createTurns(),
  hasEnded: false,
});

/** Runs `work` in the scope, and ends only after everything that it began. */
function within<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
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

async function join<T>(encloser: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
  const { tx, committed, gathered, savepoints } = encloser;
  const free = await encloser.turn();
  const before = committed.length;
  const gatheredBefore = [...gathered];
  const part = inside({ tx, committed, gathered, savepoints, encloser });
  try {
    return await within(part, () => work(tx));
  } catch (error) {
    committed.length = before;
    // What the part wrote of earlier rows is undone with it.
    gathered.splice(0, Infinity, ...gatheredBefore);
    await savepoints.undo(part);
    throw error;
  } finally {
    savepoints.after(part);
    free();
  }
}

/**
 * Writes a row: in a transaction of `AsOne` before it commits, by one statement with all others of its kind, else at once.
 * @param executor where to write it at once.
 */
export async function gather<Row>(row: Row, write: WriteRows<Row>, executor: Executor): Promise<void> {
  const scope = underWay();
  if (scope) scope.gathered.push({ row, write: write as WriteRows<unknown> });
  else await write([row], executor);
}

/** Writes the gathered rows of the running transaction, for a statement that depends on them. */
export async function writeGathered(): Promise<void> {
  const scope = underWay();
  if (!scope || scope.gathered.length === 0) return;
  const free = await scope.turn();
  try {
    const kinds = Map.groupBy(scope.gathered.splice(0), ({ write }) => write);
    for (const [write, gathered] of kinds)
      await write(
        gathered.map(({ row }) => row),
        scope.tx,
      );
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
  const connection = connectionOf(scope.tx);
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
  coordination: Coordination = 'session',
): { inTransaction: InTransaction; asOne: AsOne; whenCommitted: WhenCommitted } {
  const gate = createGate(CONNECTIONS.transactions);
  const begin = async <T>(work: (tx: Tx, committed: AfterCommit[]) => Promise<T>): Promise<T> => {
    const committed: (() => void | Promise<void>)[] = [];
    await gate.enter();
    const result = await sequelize
      .transaction((transaction) => work(extended(transaction, committed, coordination), committed))
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
      if (scope) return join(scope, work);
      return begin((tx, committed) => {
        const savepoints = new Savepoints(connectionOf(tx));
        const whole = inside({ tx, committed, gathered: [], savepoints, encloser: undefined });
        return within(whole, async () => {
          const result = await work(tx);
          await writeGathered();
          return result;
        });
      });
    },
    whenCommitted(work, tx) {
      const committed = underWay()?.committed;
      if (tx) tx.afterCommit(work);
      else if (committed) committed.push(work);
      else work();
    },
  };
}
