import { DomainError } from '../../core/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Users } from '../../storage/users.ts';
import { OWNER } from '../operators/permissions.ts';

/**
 * Call it before `id` stops being an active administrator, and before locking the account itself: locks all administrators until
 * the transaction ends, so that one of two that stop at once stays.
 * @throws DomainError last_admin.
 */
export async function keepAnAdmin(users: Users, id: string, tx: Tx): Promise<void> {
  const admins = await users.lockWithRole('admin', tx);
  // A UUID may be given in capitals.
  if (admins.length === 1 && admins[0]?.id === id.toLowerCase()) throw new DomainError('last_admin');
}

/**
 * Runs a change that may remove owners. Locks the owners first, so that of two concurrent changes the second sees the
 * first. @param leaving an account that stops being an owner in any case.
 * @throws DomainError last_owner when none would be left.
 */
export async function keepAnOwner<T>(
  users: Pick<Users, 'lockAble'>,
  tx: Tx,
  change: () => Promise<T>,
  leaving?: string,
): Promise<T> {
  const owners = await users.lockAble(OWNER, tx);
  if (owners.length === 1 && owners[0] === leaving?.toLowerCase()) throw new DomainError('last_owner');
  const result = await change();
  if (owners.length > 0 && (await users.lockAble(OWNER, tx)).length === 0)
    throw new DomainError('last_owner');
  return result;
}
