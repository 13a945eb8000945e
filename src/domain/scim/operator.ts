import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import type { Operator } from '../operators/operator.ts';
import { type Permission, withIncluded } from '../operators/permissions.ts';
import type { Rights } from '../operators/rights.ts';

/** What a directory does with people and groups. Whom it may touch follows from that. */
const PERMISSIONS: Permission[] = ['users:write', 'users:credentials', 'users:delete', 'groups:write'];

/** The directory behind a SCIM token. */
export const scimOperator = (actor: Actor): Operator => ({
  actor,
  accountId: null,
  permissions: withIncluded(PERMISSIONS),
});

/**
 * A directory gives and takes no management, not even what it may do itself: whoever drives the directory would be an
 * operator here by its word alone.
 * @throws DomainError permission_not_held, when `roles` allow anything here or at the contracts.
 */
export async function withoutManagement(
  rights: Pick<Rights, 'weightOf'>,
  roles: readonly string[],
): Promise<void> {
  const [permission] = await rights.weightOf(roles);
  if (permission !== undefined) throw new DomainError('permission_not_held', { reason: permission });
}

/** What accounts and groups are from that a directory made. */
export const SCIM_SOURCE = 'scim';
