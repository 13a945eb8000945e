import { literal, Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { CLAIM_TTL, isAnswer, pollUntilKnown, type Replies } from '../core/replies.ts';
import type { Secrets } from '../core/secrets.ts';
import { insertUnlessThere } from './models/define.ts';
import { UsedStep } from './models/factors.ts';
import { UnansweredRequest } from './models/provider-records.ts';
import type { Tx } from './postgres/transaction.ts';

/** Effects of requests whose reply may have been lost: the same request may come again. */
export interface Unanswered {
  /**
   * Records in `tx` that what `key` stands for is used up, until the reply has been sent.
   * @param key names its kind and contains the secret itself: only a MAC is stored.
   */
  note(key: string, accountId: string, tx: Tx): Promise<void>;
  /**
   * Takes over a redemption that was never answered. Of concurrent attempts one succeeds.
   * @returns the account that it was used for; null when there is none, or it was answered.
   * @throws DomainError unavailable while another request is being answered with it.
   */
  retake(key: string): Promise<string | null>;
  /** Whether a redemption can be taken over, now or once another request has settled. */
  has(key: string): Promise<boolean>;
}

/** Milliseconds that an unanswered redemption is kept. */
const KEPT = 3_600_000;

/** In PostgreSQL, as part of the transaction that redeems. */
export function createUnanswered({
  secrets,
  clock,
  replies,
}: {
  secrets: Secrets;
  clock: Clock;
  replies: Pick<Replies, 'after'>;
}): Unanswered {
  const keyOf = (name: string) => secrets.mac('unanswered', name);
  const isLeft = async (key: string): Promise<boolean> =>
    (await UnansweredRequest.count({ where: { key, expiresAt: { [Op.gt]: new Date(clock.now()) } } })) > 0;
  const settle = (key: string, claimedAt: Date): Promise<void> =>
    replies.after(async (status) => {
      if (isAnswer(status)) await UnansweredRequest.destroy({ where: { key } });
      else
        await UnansweredRequest.update({ claimedAt: literal("'-infinity'") }, { where: { key, claimedAt } });
    });
  return {
    async note(name, accountId, tx) {
      const [key, at] = [keyOf(name), clock.now()];
      const claimedAt = new Date(at);
      await UnansweredRequest.upsert(
        { key, accountId, claimedAt, expiresAt: new Date(at + KEPT) },
        { transaction: tx },
      );
      tx.afterCommit(() => settle(key, claimedAt));
    },
    retake(name) {
      const key = keyOf(name);
      return pollUntilKnown(async () => {
        const at = clock.now();
        const claimedAt = new Date(at);
        // One statement: one of parallel attempts gets it.
        const [, [taken]] = await UnansweredRequest.update(
          { claimedAt },
          {
            where: {
              key,
              claimedAt: { [Op.lte]: new Date(at - CLAIM_TTL) },
              expiresAt: { [Op.gt]: claimedAt },
            },
            returning: true,
          },
        );
        if (taken) {
          await settle(key, claimedAt);
          return taken.accountId;
        }
        return (await isLeft(key)) ? undefined : null;
      });
    },
    has: (name) => isLeft(keyOf(name)),
  };
}

export interface UsedSteps {
  /**
   * Records in `tx` that a step was used, until the step expires. Of concurrent attempts whose transactions commit one is the
   * first. Forgotten when the reply to that was not sent.
   * @returns whether this one is.
   */
  add(id: string, expiresAt: Date, tx: Tx): Promise<boolean>;
  /** Whether a step was used. */
  has(id: string): Promise<boolean>;
}

/** Used login steps, which browsers carry sealed, in PostgreSQL. */
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
