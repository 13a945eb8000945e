import type { Pool } from 'pg';
import { isAnswer, type Replies } from '../core/replies.ts';
import { run } from './oidc/postgres-query.ts';
import type { Tx } from './postgres/transaction.ts';

export interface UsedSteps {
  /**
   * Remembers in `tx` that a step was used, until it could not be used any more by itself. Of any number of tries whose
   * transactions commit one is the first. It is forgotten when the reply to that was not sent. @returns whether this one is.
   */
  add(id: string, expiresAt: Date, tx: Tx): Promise<boolean>;
  /** Whether a step was used. */
  has(id: string): Promise<boolean>;
}

const FORGET = { name: 'used_steps_forget', text: 'delete from used_steps where id = $1' };

interface Dependencies {
  pool: Pool;
  replies: Pick<Replies, 'after'>;
}

/** Steps that browsers carry sealed and that were used, in PostgreSQL. */
export function createUsedSteps({ pool, replies }: Dependencies): UsedSteps {
  return {
    async add(id, expiresAt, tx) {
      const { rows } = await tx.query(
        'insert into used_steps (id, expires_at) values ($1, $2) on conflict (id) do nothing returning id',
        [id, expiresAt],
      );
      if (rows.length === 0) return false;
      tx.afterCommit(() =>
        replies.after(async (status) => {
          if (!isAnswer(status)) await run(pool, FORGET, [id]);
        }),
      );
      return true;
    },
    async has(id) {
      const { rows } = await pool.query({
        name: 'used_steps_has',
        text: 'select from used_steps where id = $1',
        values: [id],
      });
      return rows.length > 0;
    },
  };
}
