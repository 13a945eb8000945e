import { DomainError } from '../../core/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Users } from '../../storage/users.ts';
import type { Operator } from './operator.ts';
import { keepAnOwner } from '../users/roles.ts';
import { lacking } from './permissions.ts';
import { type Rights, rolesOf } from './rights.ts';

/**
 * Makes a change of roles, groups or accounts, unless it would leave no owner who can sign in, or the operator with less than
 * before.
 * @throws DomainError last_owner, forbidden (oneself).
 */
export type KeepStanding = <T>(operator: Operator, tx: Tx, change: () => Promise<T>) => Promise<T>;

export function createKeepStanding(users: Pick<Users, 'lock' | 'lockAble'>, rights: Rights): KeepStanding {
  const heldBy = async ({ accountId }: Operator, tx: Tx) => {
    const account = accountId === null ? null : await users.lock(accountId, tx);
    return rights.permissionsOf(account?.status === 'active' ? rolesOf(account) : [], tx);
  };
  return async (operator, tx, change) =>
    keepAnOwner(users, tx, async () => {
      const held = await heldBy(operator, tx);
      const result = await change();
      if (lacking(await heldBy(operator, tx), held).length > 0)
        throw new DomainError('forbidden', { reason: 'oneself' });
      return result;
    });
}
