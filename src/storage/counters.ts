// raw-sql: counting is one atomic step in every limited request (prepared).
import type { Pool } from 'pg';
import { DomainError } from '../core/errors.ts';
import type { Counter } from './models/sign-ins.ts';
import { run, type Statement } from './oidc/postgres-query.ts';

export interface Count {
  count: number;
  /** Whole seconds until the window ends, at least 1. */
  expiresIn: number;
}

/**
 * Counters with a time window, shared by all nodes. Every method throws DomainError unavailable when the store fails:
 * counters protect something, so nothing continues uncounted.
 */
export interface Counters {
  /** Adds `by`, which may be negative, in one atomic step. A new counter ends after `window` seconds. */
  add(key: string, by: number, window: number): Promise<Count>;
  /** Adds to a counter that ends `life` seconds after it last grew. An ended one does not shrink. @returns the count. */
  extend(key: string, by: number, life: number): Promise<number>;
  get(key: string): Promise<Count | null>;
  delete(key: string): Promise<void>;
}

export const unavailable = (error: unknown): never => {
  throw new DomainError('unavailable', {}, { cause: error });
};

export const secondsOf = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000));

/** Milliseconds since the epoch by PostgreSQL's clock: a node whose clock is wrong must not end a window. */
const NOW = '(extract(epoch from now()) * 1000)::bigint';
const COUNT = `points, (expire - ${NOW})::float8 as "left"`;

const adding = (name: string, expire: string): Statement => ({
  name,
  text: `insert into counters (key, points, expire) values ($1, $2, ${NOW} + $3::bigint * 1000)
    on conflict (key) do update set
      points = case when counters.expire > ${NOW} then counters.points else 0 end + excluded.points,
      expire = ${expire}
    returning ${COUNT}`,
});
const ADD = adding(
  'counters_add',
  `case when counters.expire > ${NOW} then counters.expire else excluded.expire end`,
);
const EXTEND = adding('counters_extend', 'excluded.expire');
const SHRINK = {
  name: 'counters_shrink',
  text: `update counters set points = points + $2 where key = $1 and expire > ${NOW} returning ${COUNT}`,
};
const GET = {
  name: 'counters_get',
  text: `select ${COUNT} from counters where key = $1 and expire > ${NOW}`,
};
const DELETE = { name: 'counters_delete', text: 'delete from counters where key = $1' };

/** Counters in the table `counters` of PostgreSQL. */
export function postgresCounters(pool: Pool): Counters {
  const ask = async (statement: Statement, values: unknown[]): Promise<Count | null> => {
    const { rows } = await run<Pick<Counter, 'points'> & { left: number }>(pool, statement, values).catch(
      unavailable,
    );
    return rows[0] ? { count: rows[0].points, expiresIn: secondsOf(rows[0].left) } : null;
  };
  return {
    add: async (key, by, window) => (await ask(ADD, [key, by, window])) ?? unavailable(new Error('no row')),
    async extend(key, by, life) {
      const found = await (by > 0 ? ask(EXTEND, [key, by, life]) : ask(SHRINK, [key, by]));
      return found?.count ?? 0;
    },
    get: (key) => ask(GET, [key]),
    delete: async (key) => void (await ask(DELETE, [key])),
  };
}
