import { isAnswer, type Replies } from '../core/replies.ts';
import { insertUnlessThere } from './models/statements.ts';
import { UsedStep } from './models/used-step.ts';
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

/** Steps that browsers carry sealed and that were used, in PostgreSQL. */
export function createUsedSteps(replies: Pick<Replies, 'after'>): UsedSteps {
  return {
    async add(id, expiresAt, tx) {
      if (!(await insertUnlessThere(UsedStep, { id, expiresAt }, tx))) return false;
      tx.afterCommit(() =>
        replies.after(async (status) => {
          if (!isAnswer(status)) await UsedStep.destroy({ where: { id } });
        }),
      );
      return true;
    },
    has: async (id) => (await UsedStep.count({ where: { id } })) > 0,
  };
}
