import { DomainError } from '../../core/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Users } from '../../storage/users.ts';

/** What an account may be. */
const ROLES = ['user', 'admin'] as const;

/** The roles, each once. @throws DomainError invalid_request for one that does not exist. */
export function parseRoles(roles: string[]): string[] {
  if (roles.some((role) => !(ROLES as readonly string[]).includes(role))) {
    throw new DomainError('invalid_request', { field: 'roles' });
  }
  return [...new Set(roles)];
}

/**
 * Before `id` stops being an active administrator: locks all of them until the transaction ends, so that of two that
 * go at once one stays. To be called before the account itself is locked.
 * @throws DomainError last_admin.
 */
export async function keepAnAdmin(users: Users, id: string, tx: Tx): Promise<void> {
  const admins = await users.lockWithRole('admin', tx);
  // A UUID may be given in capitals.
  if (admins.length === 1 && admins[0]?.id === id.toLowerCase()) throw new DomainError('last_admin');
}
