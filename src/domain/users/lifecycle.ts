import type { Actor } from '../../kernel/actor.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { keepAnAdmin } from './roles.ts';
import { present, toUser, type User } from './user.ts';

export interface Lifecycle {
  /**
   * Suspends an account and ends all that runs for it. Of one that is suspended already nothing changes.
   * @throws DomainError user_not_found, last_admin.
   */
  suspend(id: string, actor: Actor): Promise<User>;
  /** Lets a suspended account in again. @throws DomainError user_not_found. */
  reactivate(id: string, actor: Actor): Promise<User>;
  /** Deletes an account with all that is its own; the audit keeps its id. @throws DomainError user_not_found, last_admin. */
  remove(id: string, actor: Actor): Promise<void>;
}

export function lifecycle({ users, audit, inTransaction, sessions }: AccountsDependencies): Lifecycle {
  return {
    suspend: (of, actor) =>
      inTransaction(async (tx) => {
        await keepAnAdmin(users, of, tx);
        const record = present(await users.lock(of, tx));
        if (record.status === 'suspended') return toUser(record);
        const { id } = record;
        const suspended = present(await users.update(id, { status: 'suspended' }, tx));
        await sessions.endAll(id, tx);
        await audit.record({ type: 'user.suspended', subject: id }, actor, tx);
        return toUser(suspended);
      }),
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
      inTransaction(async (tx) => {
        await keepAnAdmin(users, of, tx);
        const { id } = present(await users.lock(of, tx));
        await sessions.endAll(id, tx);
        await users.delete(id, tx);
        await audit.record({ type: 'user.deleted', subject: id }, actor, tx);
      }),
  };
}
