import type { Settings } from '../config/index.ts';
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import type { Stores } from '../storage/stores.ts';

/** Retention of audit events. */
export interface AuditRetention {
  /** Deletes some of the events whose time is over, `limit` at most. @returns how many there were. */
  sweep(limit: number): Promise<number>;
  /** Deletes every event from before a moment, and says so in an event. @returns how many there were. */
  purge(before: Date, actor: Actor): Promise<number>;
}

/** Events per statement. */
const BATCH = 500;

export function createAuditRetention({
  audit,
  inTransaction,
  clock,
  settings,
}: Pick<Stores, 'audit' | 'inTransaction'> & { clock: Clock; settings: Settings['audit'] }): AuditRetention {
  const deleteSome = (before: Date, limit: number) => inTransaction((tx) => audit.purge(before, limit, tx));
  return {
    sweep: (limit) => deleteSome(new Date(clock.now() - settings.retention * 1000), limit),
    async purge(before, actor) {
      let events = 0;
      for (let deleted = BATCH; deleted === BATCH; events += deleted)
        deleted = await deleteSome(before, BATCH);
      await audit.record({ type: 'audit.purged', details: { before: before.toISOString(), events } }, actor);
      return events;
    },
  };
}
