import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { ALL_PERMISSIONS, lacking, type Permission, withIncluded } from './permissions.ts';

/** Who manages: a person or a service account by its roles, or the shell of the host. */
export interface Operator {
  actor: Actor;
  /** The person's account; null for a service account and the shell. */
  accountId: string | null;
  /** What it may do in this request, with what that includes: its token's scope and its roles as they are now. */
  permissions: ReadonlySet<Permission>;
}

/** Whoever has a shell on the host has the database too. */
export const shellOperator = (actor: Actor): Operator => ({
  actor,
  accountId: null,
  permissions: withIncluded(ALL_PERMISSIONS),
});

/** @throws DomainError insufficient_scope, which names the permission. */
export function requirePermission({ permissions }: Operator, permission: Permission): void {
  if (!permissions.has(permission)) throw new DomainError('insufficient_scope', { reason: permission });
}

/**
 * Before `operator` gives management permissions to anybody, itself included: nobody gives what they do not have.
 * @throws DomainError permission_not_held, which names the first one.
 */
export function mayGive({ permissions }: Operator, given: Iterable<Permission>): void {
  const [missing] = lacking(permissions, given);
  if (missing !== undefined) throw new DomainError('permission_not_held', { reason: missing });
}

/**
 * Before `operator` touches the credentials, sessions, standing or address of an account, or the secrets and metadata of a
 * service account: its permissions must be within the operator's.
 * @param held what the target may do by its roles
 * @throws DomainError stronger_operator.
 */
export function mayTouch({ permissions }: Operator, held: Iterable<Permission>): void {
  if (lacking(permissions, held).length > 0) throw new DomainError('stronger_operator');
}

/** Before an account is suspended, deleted or demoted. @throws DomainError forbidden when it is the operator's own. */
export function notOneself({ accountId }: Operator, target: string): void {
  if (accountId === target) throw new DomainError('forbidden', { reason: 'oneself' });
}
