/** The rules against escalation: what an operator may give to others, and whom it may change. */
import { DomainError } from '../../core/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Stores } from '../../storage/stores.ts';
import type { UserRecord, Users } from '../../storage/users.ts';
import { keepAnOwner } from '../users/roles.ts';
import { checkVersion, type Expected, type Operator } from './operator.ts';
import { lacking, type Permission } from './permissions.ts';
import { type Rights, rolesOf } from './rights.ts';

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

/** Call it before suspending, deleting or demoting an account. @throws DomainError forbidden when it is the operator's own. */
export function notOneself({ accountId }: Operator, target: string): void {
  if (accountId === target) throw new DomainError('forbidden', { reason: 'oneself' });
}

interface Options {
  expected?: Expected | undefined;
  /** Whether it changes a way to sign in, or ends something: then the account must not be a stronger operator's. */
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
 * Makes a change of roles, groups or accounts, unless it would leave no owner who can sign in, or take permissions from the
 * operator.
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
