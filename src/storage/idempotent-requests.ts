import { Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { IdempotentRequest, type KeptReply } from './models/observations.ts';
import type { Tx } from './postgres/transaction.ts';

export type { KeptReply } from './models/observations.ts';

/** Idempotent requests, by the hash of their key. */
export interface IdempotentRequests {
  /** Locks the key until the transaction ends. @returns false when another request holds it. */
  lock(key: string, tx: Tx): Promise<boolean>;
  find(key: string, tx: Tx): Promise<{ fingerprint: string; reply: KeptReply } | null>;
  /** Stores a reply for a day. */
  keep(key: string, fingerprint: string, reply: KeptReply, tx: Tx): Promise<void>;
}

/** Milliseconds. */
const KEPT = 86_400_000;

export const createIdempotentRequests = (clock: Clock): IdempotentRequests => ({
  lock: (key, tx) => tx.tryLock(key),
  find: (key, tx) =>
    IdempotentRequest.findOne({
      where: { key, expiresAt: { [Op.gt]: new Date(clock.now()) } },
      transaction: tx,
    }),
  async keep(key, fingerprint, reply, tx) {
    const expiresAt = new Date(clock.now() + KEPT);
    await IdempotentRequest.upsert({ key, fingerprint, reply, expiresAt }, { transaction: tx });
  },
});
