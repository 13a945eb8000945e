import type { Settings } from '../config/index.ts';
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import type { Stores } from '../storage/stores.ts';

/** Retention of audit events. */
export interface AuditRetention {
  /**
   * Drops the months of which all events are over their time, so that an event stays up to a month longer. Where that were more
   * than a tenth of its time, and in partitions of no single month, events are deleted one by one, `limit` at most.
   * @returns how many there were.
   */
  sweep(limit: number): Promise<number>;
  /** Deletes every event from before a moment, and says so in an event. @returns how many there were. */
  purge(before: Date, actor: Actor): Promise<number>;
}

/** Events per statement. */
const BATCH = 500;

/** Seconds of the shortest retention that a month more or less is no matter for. */
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
