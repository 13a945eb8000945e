import { isDeepStrictEqual } from 'node:util';
import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord, Users } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import { keepAnOwner } from '../users/roles.ts';
import { ALL_PERMISSIONS, lacking, type Permission, withIncluded } from './permissions.ts';
import { type Rights, rolesOf } from './rights.ts';

/** Who manages: a person or a service account by its roles, or the shell of the host. */
export interface Operator {
  actor: Actor;
  /** The person's account; null for a service account and the shell. */
  accountId: string | null;
  /** Effective permissions of this request, with implied ones: the token's scope limited by the current roles. */
  permissions: ReadonlySet<Permission>;
}

/** A shell on the host includes the database. */
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
 * Checks before `operator` grants management permissions, also to itself: nobody may grant what they do not hold.
 * @throws DomainError permission_not_held, which names the first one.
 */
export function mayGive({ permissions }: Operator, granted: Iterable<Permission>): void {
  const [missing] = lacking(permissions, granted);
  if (missing !== undefined) throw new DomainError('permission_not_held', { reason: missing });
}

/**
 * Checks before `operator` changes the credentials, sessions, status or address of an account, or the secrets and
 * metadata of a service account: the target's permissions must be within the operator's. @param held the target's
 * permissions
 * @throws DomainError stronger_operator.
 */
export function mayTouch({ permissions }: Operator, held: Iterable<Permission>): void {
  if (lacking(permissions, held).length > 0) throw new DomainError('stronger_operator');
}

/** Before an account is suspended, deleted or demoted. @throws DomainError forbidden when it is the operator's own. */
export function notOneself({ accountId }: Operator, target: string): void {
  if (accountId === target) throw new DomainError('forbidden', { reason: 'oneself' });
}

interface Options {
  expected?: Expected | undefined;
  /** Whether it takes or gives a way in, or ends something: then the account must not be a stronger operator's. */
  touches?: boolean;
  /** Whether the account may stop being an owner who can sign in. */
  leaves?: boolean;
}

/**
 * Runs an operator's action on an account in one transaction, with the account locked and the escalation rules
 * checked first. Nested transactions join it.
 * @throws DomainError user_not_found, precondition_failed, stronger_operator; with `leaves` last_owner, forbidden.
 */
export type OnAccount = <T>(
  operator: Operator,
  id: string,
  options: Options,
  act: (account: UserRecord, tx: Tx) => Promise<T>,
) => Promise<T>;

export const createOnAccount =
  ({
    users,
    rights,
    keepStanding,
    asOne,
  }: Pick<Stores, 'users' | 'asOne'> & {
    rights: Pick<Rights, 'weightOf'>;
    keepStanding: KeepStanding;
  }): OnAccount =>
  (operator, id, { expected, touches = true, leaves = false }, act) =>
    asOne((tx) => {
      const change = async () => {
        const account = await users.lock(id, tx);
        if (!account) throw new DomainError('user_not_found');
        checkVersion(account, expected);
        if (touches) mayTouch(operator, await rights.weightOf(rolesOf(account), tx));
        return act(account, tx);
      };
      return leaves ? keepStanding(operator, tx, change) : change();
    });

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

/** The versions of a resource that its caller goes by (RFC 9110 section 13.1.1); `*` for any. */
export type Expected = readonly number[] | '*';

/** To be asked under the row's lock. @throws DomainError precondition_failed. */
export function checkVersion({ version }: { version: number }, expected: Expected | undefined): void {
  if (expected !== undefined && expected !== '*' && !expected.includes(version))
    throw new DomainError('precondition_failed');
}

/** The fields that `changes` actually change, before and after, for the audit; null for none. */
export function changesOf<T extends object>(
  before: T,
  changes: Partial<T>,
): { before: Partial<T>; after: Partial<T> } | null {
  const fields = (Object.keys(changes) as (keyof T)[]).filter(
    (field) => changes[field] !== undefined && !isDeepStrictEqual(before[field], changes[field]),
  );
  if (fields.length === 0) return null;
  const only = (of: Partial<T>) =>
    Object.fromEntries(fields.map((field) => [field, of[field]])) as Partial<T>;
  return { before: only(before), after: only(changes) };
}

/** What differs between two states of a thing, for the audit: null for what one lacks. */
export function differencesOf(
  before: object,
  after: object,
): ReturnType<typeof changesOf<Record<string, unknown>>> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const complete = (of: Record<string, unknown>) =>
    Object.fromEntries(names.map((name) => [name, of[name] ?? null]));
  return changesOf(complete({ ...before }), complete({ ...after }));
}

const MAX_DESCRIPTION_LENGTH = 500;

/** @throws DomainError invalid_request that names the field. */
export function refuse(field: string, reason?: string): never {
  throw new DomainError('invalid_request', { field, ...(reason === undefined ? {} : { reason }) });
}

/** @throws DomainError invalid_request. */
export function checkDescription(description: string | undefined): void {
  if (description !== undefined && description.length > MAX_DESCRIPTION_LENGTH)
    refuse('description', 'too_long');
}

/** Why a name is none of something. @param known what may have been meant */
export function misnamed(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return `names a ${what} that there is not: ${name.slice(0, 128)}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}
