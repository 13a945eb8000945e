import { createHash } from 'node:crypto';
import type { Executor } from './executor.ts';

/**
 * How nodes agree among themselves: by advisory locks and LISTEN, or by rows of tables, where the database has neither
 * (DATABASE_COORDINATION). All nodes agree in the same way.
 */
export type Coordination = 'session' | 'tables';

/** Locks by name that a transaction holds until it ends. */
export interface Locks {
  /** Waits for it. */
  lock(name: string): Promise<void>;
  /** @returns false when another transaction holds it, or, in tables, one that shares its row. */
  tryLock(name: string): Promise<boolean>;
}

/** Rows of the table `locks`. */
const SLOTS = 1024;

const slotOf = (name: string): number => createHash('sha256').update(name).digest().readUInt32BE() % SLOTS;

/** @param executor the transaction. */
export const locksOf = (executor: Executor, coordination: Coordination): Locks =>
  coordination === 'session'
    ? {
        async lock(name) {
          await executor.query('select pg_advisory_xact_lock(hashtext($1))', [name]);
        },
        async tryLock(name) {
          const { rows } = await executor.query<{ held: boolean }>(
            'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as held',
            [name],
          );
          return rows[0]?.held === true;
        },
      }
    : {
        async lock(name) {
          await executor.query('select slot from locks where slot = $1 for update', [slotOf(name)]);
        },
        async tryLock(name) {
          const { rows } = await executor.query(
            'select slot from locks where slot = $1 for update skip locked',
            [slotOf(name)],
          );
          return rows.length > 0;
        },
      };
