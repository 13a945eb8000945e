import type { Actor } from '../../core/actor.ts';
import { subjectOf } from '../lookup.ts';
import { sourceOfActor } from '../source.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { present, toUser, type User } from './user.ts';

export interface Unlocking {
  /**
   * Lets everybody try again who waits because of wrong passwords or codes for the account, by authority.
   * @throws DomainError user_not_found, unavailable.
   */
  unlock(id: string, actor: Actor): Promise<User>;
}

/** Events of an account that are looked through for where tries came from: more than anybody makes before giving up. */
const LOOKED_THROUGH = 1_000;

export const unlocking = ({ users, audit, inTransaction, lockout }: AccountsDependencies): Unlocking => ({
  unlock: (of, actor) =>
    inTransaction(async (tx) => {
      const record = present(await users.lock(of, tx));
      const events = await audit.list({ subject: record.id, limit: LOOKED_THROUGH });
      // Waits are by source, under keys that do not tell which.
      const failures = events.filter(({ outcome }) => outcome === 'failure');
      const sources = new Set(failures.map((event) => sourceOfActor(event.actor)));
      await audit.record({ type: 'user.unlocked', subject: record.id }, actor, tx);
      for (const source of sources)
        for (const subject of [subjectOf(record), `factor:${record.id}`])
          await lockout.forgive({ subject, accountId: record.id, source });
      return toUser(record);
    }),
});
