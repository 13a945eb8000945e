import { DomainError } from '../../core/errors.ts';
import type { Stores } from '../../storage/stores.ts';
import type { SessionRevoker } from '../session-revoker.ts';
import { keepAnAdmin } from '../users/roles.ts';
import { toUser, type User } from '../users/user.ts';
import { type KeepStanding, mayGive } from './escalation.ts';
import { changesOf, checkVersion, type Expected, type Operator, requirePermission } from './operator.ts';
import type { Rights } from './rights.ts';
import type { Roles } from './roles.ts';

export interface Assignments {
  /** The account's own roles. @throws DomainError insufficient_scope, user_not_found. */
  rolesOf(operator: Operator, accountId: string): Promise<User>;
  /**
   * Replaces the account's own roles. Ends its logins at contracts, and all logins when it gains or loses `admin`.
   * @throws DomainError insufficient_scope, permission_not_held, user_not_found, precondition_failed, invalid_request,
   *   last_owner, last_admin, forbidden for operators who would demote themselves.
   */
  setRoles(
    operator: Operator,
    accountId: string,
    roles: readonly string[],
    expected?: Expected,
  ): Promise<User>;
}

export function createAssignments(
  dependencies: Pick<Stores, 'users' | 'audit' | 'inTransaction'> & {
    roles: Pick<Roles, 'checkNames'>;
    rights: Rights;
    keepStanding: KeepStanding;
    sessions: SessionRevoker;
  },
): Assignments {
  const { users, roles, rights, keepStanding, sessions, audit, inTransaction } = dependencies;
  return {
    async rolesOf(operator, accountId) {
      requirePermission(operator, 'roles:read');
      const account = await users.findById(accountId);
      if (!account) throw new DomainError('user_not_found');
      return toUser(account);
    },
    async setRoles(operator, accountId, names, expected) {
      requirePermission(operator, 'roles:write');
      const wanted = [...new Set(names)].sort();
      const known = await users.findById(accountId);
      if (!known) throw new DomainError('user_not_found');
      return inTransaction((tx) =>
        keepStanding(operator, tx, async () => {
          if (!wanted.includes('admin')) await keepAnAdmin(users, known.id, tx);
          const before = await users.lock(known.id, tx);
          if (!before) throw new DomainError('user_not_found');
          checkVersion(before, expected);
          await roles.checkNames(wanted, tx);
          const changed = changesOf({ roles: before.roles.toSorted() }, { roles: wanted });
          if (!changed) return toUser(before);
          const moved = new Set(wanted).symmetricDifference(new Set(before.roles));
          mayGive(operator, await rights.weightOf([...moved], tx));
          const after = await users.update(known.id, { roles: wanted }, tx);
          await sessions.rolesChanged([known.id], moved, tx);
          await audit.record(
            { type: 'user.updated', subject: known.id, details: changed },
            operator.actor,
            tx,
          );
          return toUser(after!);
        }),
      );
    },
  };
}
