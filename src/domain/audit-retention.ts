import type { Settings } from '../config/index.ts';
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import type { Stores } from '../storage/stores.ts';

/** Retention of audit events. */
export interface AuditRetention {
  /**
   * Drops the months whose events have all expired, so an event stays up to a month longer. Where that is more than a tenth of
   * the retention, and in partitions of no single month, deletes events one by one, at most `limit`.
   * @returns how many there were.
   */
  sweep(limit: number): Promise<number>;
  /** Deletes every event from before a moment, and records that in an event. @returns how many there were. */
  purge(before: Date, actor: Actor): Promise<number>;
}

/** Events per statement. */
const BATCH = 500;

/** Seconds of the shortest retention for which an additional month does not matter. */
const LONG = 310 * 86_400;

export function createAuditRetention({
  audit,
  inTransaction,
  clock,
  settings,
}: Pick<Stores, 'audit' | 'inTransaction'> & { clock: Clock; settings: Settings['audit'] }): AuditRetention {
  return {
    async sweep(limit) {
      const before = new Date(clock.now() - settings.retention * 1000);
      const dropped = await inTransaction((tx) => audit.drop(before, tx));
      const deleteSome = settings.retention < LONG ? audit.purge : audit.sweep;
      return dropped + (await inTransaction((tx) => deleteSome(before, limit, tx)));
    },
    async purge(before, actor) {
      let events = await inTransaction((tx) => audit.drop(before, tx));
      for (let deleted = BATCH; deleted === BATCH; events += deleted)
        deleted = await inTransaction((tx) => audit.purge(before, BATCH, tx));
      await audit.record({ type: 'audit.purged', details: { before: before.toISOString(), events } }, actor);
      return events;
    },
  };
}
