import { type Actor, systemActor } from '../../core/actor.ts';
import type { UserChanges, UserRecord } from '../../storage/users.ts';
import { UNDO_TTL } from '../undo/offering.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { erase } from './erasing.ts';
import { keepAnAdmin, keepAnOwner } from './roles.ts';
import { present, toUser, type User } from './user.ts';

export interface Lifecycle {
  /**
   * Suspends an account and ends all that runs for it. Of one that is suspended already nothing changes.
   * @throws DomainError user_not_found, last_admin, last_owner.
   */
  suspend(id: string, actor: Actor): Promise<User>;
  /** Lets a suspended account in again. @throws DomainError user_not_found. */
  reactivate(id: string, actor: Actor): Promise<User>;
  /**
   * Deletes an account; in the audit a pseudonym stands for it from then on. Its owner is told. What somebody does who is signed in as the owner can be
   * taken back for seven days by a link in that letter: until then the account is there for nobody, and its names are free.
   * What anybody else does is done at once, with all that is the account's own.
   * @throws DomainError user_not_found, last_admin.
   */
  remove(id: string, actor: Actor): Promise<void>;
  /** Erases at limit `limit` accounts whose deletion can no longer be undone. @returns how many. */
  purge(limit: number): Promise<number>;
}

export function lifecycle(dependencies: AccountsDependencies): Lifecycle {
  const { users, identities, audit, inTransaction, sessions, notices, offerRestoring, clock } = dependencies;
  return {
    suspend: (of, actor) =>
      inTransaction((tx) =>
        keepAnOwner(users, tx, async () => {
          await keepAnAdmin(users, of, tx);
          const record = present(await users.lock(of, tx));
          if (record.status === 'suspended') return toUser(record);
          const { id } = record;
          const suspended = present(await users.update(id, { status: 'suspended' }, tx));
          await sessions.revokeAll(id, tx);
          await audit.record({ type: 'user.suspended', subject: id }, actor, tx);
          return toUser(suspended);
        }),
      ),
    reactivate: (of, actor) =>
      inTransaction(async (tx) => {
        const record = present(await users.lock(of, tx));
        if (record.status === 'active') return toUser(record);
        const { id } = record;
        const active = present(await users.update(id, { status: 'active' }, tx));
        await audit.record({ type: 'user.reactivated', subject: id }, actor, tx);
        return toUser(active);
      }),
    remove: (of, actor) =>
      inTransaction((tx) =>
        keepAnOwner(users, tx, async () => {
          await keepAnAdmin(users, of, tx);
          const account = present(await users.lock(of, tx));
          const { id } = account;
          await sessions.revokeAll(id, tx);
          await audit.record({ type: 'user.deleted', subject: id }, actor, tx);
          if (actor.kind !== 'user' || actor.id !== id) {
            await notices.accountDeleted(account, actor, tx);
            await erase(dependencies, id, tx);
            return;
          }
          for (const undo of await offerRestoring(account, tx))
            await notices.accountDeleted(account, actor, tx, undo);
          await identities.deleteAll(id, tx);
          await users.update(id, hidden(account, clock.now()), tx);
        }),
      ),
    async purge(limit) {
      const ids = await users.listDeleted(new Date(clock.now() - UNDO_TTL * 1000), limit);
      for (const id of ids)
        await inTransaction(async (tx) => {
          // Another node may have been first.
          if (!(await users.lockDeleted(id, tx))) return;
          await audit.record({ type: 'user.purged', subject: id }, systemActor, tx);
          await erase(dependencies, id, tx);
        });
      return ids.length;
    },
  };
}

/** The columns of an account that is kept out of everybody's sight: its names are free. @param at milliseconds. */
const hidden = ({ id, username }: UserRecord, at: number): UserChanges => ({
  status: 'deleted',
  deletedAt: new Date(at),
  emailKey: `deleted:${id}`,
  usernameKey: username === null ? null : `deleted:${id}`,
  movedFrom: null,
  externalId: null,
});
