import { type Actor, systemActor } from '../../core/actor.ts';
import type { AuditType } from '../../storage/audit.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserChanges, UserRecord } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import { subjectOf } from '../lookup.ts';
import { changesOf } from '../operators/operator.ts';
import { sourceOfActor } from '../source.ts';
import { UNDO_TTL } from '../undo/offering.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { keepAnAdmin, keepAnOwner } from './roles.ts';
import { present, toUser, type User } from './user.ts';

/** Deletes an account with everything it owns, and removes what identifies its owner from the audit. */
export async function erase(
  { users, audit }: Pick<Stores, 'users' | 'audit'>,
  accountId: string,
  tx: Tx,
): Promise<void> {
  await users.delete(accountId, tx);
  await audit.forget(accountId, tx);
}

/** The audited reason of an action. */
interface Why {
  reason?: string | undefined;
}

const whyOf = ({ reason }: Why = {}) => (reason === undefined ? {} : { reason });

export interface Lifecycle {
  /**
   * Suspends an account and ends everything that runs for it. Does nothing if it is suspended already.
   * @throws DomainError user_not_found, last_admin, last_owner.
   */
  suspend(id: string, actor: Actor, why?: Why): Promise<User>;
  /** Reactivates a suspended account and cancels a pending deletion. @throws DomainError user_not_found. */
  reactivate(id: string, actor: Actor, why?: Why): Promise<User>;
  /**
   * Suspends an account and schedules its deletion.
   * @param at when.
   * @throws DomainError user_not_found, last_admin, last_owner.
   */
  scheduleDeletion(id: string, at: Date, actor: Actor, why?: Why): Promise<User>;
  /** Cancels such a deletion: the account is as it was before. @throws DomainError user_not_found. */
  callOffDeletion(id: string, actor: Actor, why?: Why): Promise<User>;
  /**
   * Deletes an account; in the audit a pseudonym replaces it. Its owner is told. A deletion by somebody signed in as the owner
   * can be undone for seven days by a link in that mail: until then the account is hidden, and its names are free. Any other
   * deletion takes effect at once, with everything the account owns.
   * @throws DomainError user_not_found, last_admin, last_owner.
   */
  remove(id: string, actor: Actor, why?: Why): Promise<void>;
  /**
   * Erases at most `limit` accounts whose deletion can no longer be undone, and as many whose deletion is due.
   * @returns how many.
   */
  purge(limit: number): Promise<number>;
}

export function lifecycle(dependencies: AccountsDependencies): Lifecycle {
  const { users, identities, audit, inTransaction, sessions, notices, offerRestoring, clock } = dependencies;
  /** Runs a change that deactivates an account, unless it is the last owner or administrator. */
  const leaving = <T>(of: string, change: (account: UserRecord, tx: Tx) => Promise<T>): Promise<T> =>
    inTransaction((tx) =>
      keepAnOwner(
        users,
        tx,
        async () => {
          await keepAnAdmin(users, of, tx);
          return change(present(await users.lock(of, tx)), tx);
        },
        of,
      ),
    );

  /** Writes what `changes` really change, with an event that has the values before and after. */
  const write = async (
    type: AuditType,
    before: UserRecord,
    changes: Pick<UserChanges, 'status' | 'deletesAt' | 'suspendedByDeletion'>,
    { actor, why, tx }: { actor: Actor; why: Why | undefined; tx: Tx },
  ): Promise<User> => {
    const { suspendedByDeletion: _inner, ...seen } = changes;
    const changed = changesOf(before, seen);
    const after = present(await users.update(before.id, changes, tx));
    if (after.status === 'suspended' && before.status === 'active') await sessions.revokeAll(before.id, tx);
    await audit.record({ type, subject: before.id, details: { ...changed, ...whyOf(why) } }, actor, tx);
    return toUser(after);
  };

  const removeNow = async (account: UserRecord, actor: Actor, why: Why | undefined, tx: Tx) => {
    await sessions.revokeAll(account.id, tx);
    await audit.record({ type: 'user.deleted', subject: account.id, details: whyOf(why) }, actor, tx);
    await notices.accountDeleted(account, actor, tx);
    await erase(dependencies, account.id, tx);
  };

  return {
    suspend: (of, actor, why) =>
      leaving(of, async (account, tx) => {
        if (account.status === 'suspended' && !account.suspendedByDeletion) return toUser(account);
        const changes = { status: 'suspended', suspendedByDeletion: false } as const;
        return write('user.suspended', account, changes, { actor, why, tx });
      }),
    reactivate: (of, actor, why) =>
      inTransaction(async (tx) => {
        const account = present(await users.lock(of, tx));
        if (account.status === 'active') return toUser(account);
        const changes = { status: 'active', deletesAt: null, suspendedByDeletion: false } as const;
        return write('user.reactivated', account, changes, { actor, why, tx });
      }),
    scheduleDeletion: (of, at, actor, why) =>
      leaving(of, async (account, tx) => {
        const suspendedByDeletion = account.status === 'active' || account.suspendedByDeletion;
        const changes = { status: 'suspended', deletesAt: at, suspendedByDeletion } as const;
        return write('user.deletion_scheduled', account, changes, { actor, why, tx });
      }),
    callOffDeletion: (of, actor, why) =>
      inTransaction(async (tx) => {
        const account = present(await users.lock(of, tx));
        if (account.deletesAt === null) return toUser(account);
        const status: UserRecord['status'] = account.suspendedByDeletion ? 'active' : account.status;
        const changes = { status, deletesAt: null, suspendedByDeletion: false };
        return write('user.deletion_called_off', account, changes, { actor, why, tx });
      }),
    remove: (of, actor, why) =>
      leaving(of, async (account, tx) => {
        const { id } = account;
        if (actor.kind !== 'user' || actor.id !== id) return removeNow(account, actor, why, tx);
        await sessions.revokeAll(id, tx);
        await audit.record({ type: 'user.deleted', subject: id }, actor, tx);
        for (const undo of await offerRestoring(account, tx))
          await notices.accountDeleted(account, actor, tx, undo);
        await identities.deleteAll(id, tx);
        await users.update(id, hidden(account, clock.now()), tx);
        return undefined;
      }),
    async purge(limit) {
      const now = new Date(clock.now());
      const due = await users.listDue(now, limit);
      for (const id of due)
        await inTransaction(async (tx) => {
          const account = await users.lock(id, tx);
          // Cancelled meanwhile, or another node was first.
          if (account?.deletesAt && account.deletesAt <= now)
            await removeNow(account, systemActor, undefined, tx);
        });
      const ids = await users.listDeleted(new Date(clock.now() - UNDO_TTL * 1000), limit);
      for (const id of ids)
        await inTransaction(async (tx) => {
          // Another node may have been first.
          if (!(await users.lockDeleted(id, tx))) return;
          await audit.record({ type: 'user.purged', subject: id }, systemActor, tx);
          await erase(dependencies, id, tx);
        });
      return due.length + ids.length;
    },
  };
}

/** The columns of a hidden account: its names are free. @param at milliseconds. */
const hidden = ({ id, username }: UserRecord, at: number): UserChanges => ({
  status: 'deleted',
  deletedAt: new Date(at),
  emailKey: `deleted:${id}`,
  usernameKey: username === null ? null : `deleted:${id}`,
  movedFrom: null,
  externalId: null,
});

export interface Unlocking {
  /**
   * Clears the waits of everybody after wrong passwords or codes for the account, by authority.
   * @throws DomainError user_not_found, unavailable.
   */
  unlock(id: string, actor: Actor): Promise<User>;
}

/** Events of an account to search for sources of attempts: more than anybody makes before giving up. */
const LOOKED_THROUGH = 1_000;

export const unlocking = ({ users, audit, inTransaction, lockout }: AccountsDependencies): Unlocking => ({
  unlock: (of, actor) =>
    inTransaction(async (tx) => {
      const record = present(await users.lock(of, tx));
      const events = await audit.list({ subject: record.id, limit: LOOKED_THROUGH });
      // Waits are per source, under keys that do not reveal it.
      const failures = events.filter(({ outcome }) => outcome === 'failure');
      const sources = new Set(failures.map((event) => sourceOfActor(event.actor)));
      await audit.record({ type: 'user.unlocked', subject: record.id }, actor, tx);
      for (const source of sources)
        for (const subject of [subjectOf(record), `factor:${record.id}`])
          await lockout.forgive({ subject, accountId: record.id, source });
      return toUser(record);
    }),
});
