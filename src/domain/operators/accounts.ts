/** What operators do with accounts. */
import type { Clock } from '../../core/clock.ts';
import { DomainError } from '../../core/errors.ts';
import type { Stores } from '../../storage/stores.ts';
import type { AddressParts } from '../users/claims.ts';
import type { AccountChanges } from '../users/changes.ts';
import type { NewAccount } from '../users/creation.ts';
import type { Accounts, User } from '../users/index.ts';
import { present, toUser } from '../users/user.ts';
import type { Lockout } from '../lockout.ts';
import { subjectOf } from '../lookup.ts';
import type { PasswordReset } from '../reset.ts';
import type { Verification } from '../verification/index.ts';
import type { Assignments } from './assignments.ts';
import { notOneself, type OnAccount } from './escalation.ts';
import { type Expected, type Operator, refuse, requirePermission } from './operator.ts';

interface Why {
  expected?: Expected | undefined;
  /** For the audit. */
  reason?: string | undefined;
}

interface Mailing {
  /** The language of the request (BCP 47), for an account without its own. */
  locale?: string | undefined;
}

export type NewManagedAccount = Omit<NewAccount, 'isVouchedFor'> & {
  /** Whether to send its owner a link to choose a password. */
  invite?: boolean | undefined;
};

export type ManagedChanges = Omit<AccountChanges, 'password' | 'roles'> & {
  /** Null cancels a deletion. */
  deletesAt?: null | undefined;
};

/** How an account gets a new password: by a mailed link, unless it is set here or required at the next sign-in. */
export interface NewPassword {
  password?: string | undefined;
  /** Whether the next sign-in requires a new one; a password set here works until then. */
  force?: boolean | undefined;
}

/** All throw DomainError insufficient_scope, user_not_found, and precondition_failed for another version. */
export interface ManagedAccounts {
  /**
   * Creates an account. Roles other than `user` require the permissions to assign them, a verified address `users:credentials`.
   * @throws DomainError as `Accounts.create` and `Assignments.setRoles`; invalid_request for an invitation with a password.
   */
  create(operator: Operator, account: NewManagedAccount, options?: Mailing): Promise<User>;
  /**
   * Updates the given fields; merges the members of the postal address. A new email address requires that the account
   * is not a stronger operator's; setting its verification also `users:credentials`, cancelling a deletion
   * `users:delete`.
   * @throws DomainError as `Accounts.update`; stronger_operator.
   */
  update(operator: Operator, id: string, changes: ManagedChanges, expected?: Expected): Promise<User>;
  /** @throws DomainError stronger_operator, last_owner, last_admin, forbidden for oneself. */
  suspend(operator: Operator, id: string, why?: Why): Promise<User>;
  /** Cancels a pending deletion, which requires `users:delete`. @throws DomainError stronger_operator. */
  reactivate(operator: Operator, id: string, why?: Why): Promise<User>;
  unlock(operator: Operator, id: string): Promise<User>;
  /** Until when unknown browsers are locked out after wrong guesses; null when they are not. */
  lockedUntil(operator: Operator, id: string): Promise<Date | null>;
  /** Recent failed guesses, which `unlock` clears. @throws DomainError as `lockedUntil`. */
  failuresOn(operator: Operator, id: string): Promise<number>;
  /**
   * Deletes an account at once, or suspends it and deletes it after a number of days.
   * @returns it with the time of its deletion, or null when it is gone.
   * @throws DomainError as `suspend`.
   */
  remove(operator: Operator, id: string, options?: Why & { afterDays?: number }): Promise<User | null>;
  /** @throws DomainError as `PasswordReset.invite`; stronger_operator. */
  invite(operator: Operator, id: string, options?: Mailing): Promise<User>;
  /**
   * Sends a link that verifies the address, or with `isVerified` accepts the operator's word.
   * @throws DomainError stronger_operator, account_suspended, rate_limited, unavailable.
   */
  verifyEmail(operator: Operator, id: string, options?: Mailing & { isVerified?: boolean }): Promise<User>;
  /**
   * Gives an account another password. One set by an operator ends its sessions and tokens.
   * @throws DomainError stronger_operator, account_suspended, weak_password, rate_limited, unavailable.
   */
  renewPassword(operator: Operator, id: string, how: NewPassword, options?: Mailing): Promise<User>;
}

const DAY = 86_400_000;
const MAX_DAYS = 365;

/** A merge patch (RFC 7396) of a postal address. */
const merged = (before: AddressParts | null, parts: AddressParts | null | undefined) =>
  parts ? { ...before, ...parts } : parts;

export function createManagedAccounts(
  dependencies: Pick<Stores, 'users' | 'audit' | 'asOne'> & {
    accounts: Pick<
      Accounts,
      | 'create'
      | 'update'
      | 'suspend'
      | 'reactivate'
      | 'unlock'
      | 'remove'
      | 'scheduleDeletion'
      | 'callOffDeletion'
    >;
    assignments: Pick<Assignments, 'setRoles'>;
    reset: Pick<PasswordReset, 'invite' | 'request'>;
    verification: Pick<Verification, 'request'>;
    onAccount: OnAccount;
    lockout: Pick<Lockout, 'closedFor' | 'failuresOn'>;
    clock: Clock;
  },
): ManagedAccounts {
  const { accounts, assignments, reset, verification, users, onAccount, audit, asOne, clock, lockout } =
    dependencies;
  const asItIs = async (id: string): Promise<User> => toUser(present(await users.findById(id)));

  return {
    async create(operator, { invite = false, roles, ...account }, options) {
      requirePermission(operator, 'users:write');
      if (account.emailVerified) requirePermission(operator, 'users:credentials');
      const hasPassword = account.password !== undefined && account.password !== null;
      if (invite && hasPassword) refuse('invite', 'password');
      return asOne(async () => {
        const { id } = await accounts.create(account, operator.actor);
        if (roles?.some((name) => name !== 'user')) await assignments.setRoles(operator, id, roles);
        if (invite) await reset.invite(id, operator.actor, options);
        return asItIs(id);
      });
    },
    async update(operator, id, { deletesAt, ...changes }, expected) {
      requirePermission(operator, 'users:write');
      if (changes.emailVerified !== undefined) requirePermission(operator, 'users:credentials');
      if (deletesAt === null) requirePermission(operator, 'users:delete');
      const touches = [changes.email, changes.emailVerified, deletesAt].some((one) => one !== undefined);
      return onAccount(operator, id, { expected, touches }, async (account, tx) => {
        const address = merged(account.address, changes.address);
        if (deletesAt === null) await accounts.callOffDeletion(account.id, operator.actor);
        // Cancelling it has changed the account.
        const held = deletesAt === null ? undefined : { account, tx };
        return accounts.update(account.id, { ...changes, address }, operator.actor, held);
      });
    },
    async suspend(operator, id, { expected, reason } = {}) {
      requirePermission(operator, 'users:write');
      notOneself(operator, id.toLowerCase());
      return onAccount(operator, id, { expected, leaves: true }, (account) =>
        accounts.suspend(account.id, operator.actor, { reason }),
      );
    },
    async reactivate(operator, id, { expected, reason } = {}) {
      requirePermission(operator, 'users:write');
      return onAccount(operator, id, { expected }, async (account) => {
        if (account.deletesAt !== null) requirePermission(operator, 'users:delete');
        return accounts.reactivate(account.id, operator.actor, { reason });
      });
    },
    async unlock(operator, id) {
      requirePermission(operator, 'users:write');
      return onAccount(operator, id, { touches: false }, ({ id: of }) => accounts.unlock(of, operator.actor));
    },
    async lockedUntil(operator, id) {
      requirePermission(operator, 'users:read');
      const seconds = await lockout.closedFor(subjectOf(present(await users.findById(id))));
      return seconds === null ? null : new Date(clock.now() + seconds * 1000);
    },
    async failuresOn(operator, id) {
      requirePermission(operator, 'users:read');
      return lockout.failuresOn(subjectOf(present(await users.findById(id))));
    },
    async remove(operator, id, { afterDays = 0, expected, reason } = {}) {
      requirePermission(operator, 'users:delete');
      notOneself(operator, id.toLowerCase());
      if (!Number.isInteger(afterDays) || afterDays < 0 || afterDays > MAX_DAYS) refuse('after_days');
      const at = new Date(clock.now() + afterDays * DAY);
      return onAccount(operator, id, { expected, leaves: true }, async ({ id: of }) => {
        if (afterDays > 0) return accounts.scheduleDeletion(of, at, operator.actor, { reason });
        await accounts.remove(of, operator.actor, { reason });
        return null;
      });
    },
    async invite(operator, id, options) {
      requirePermission(operator, 'users:credentials');
      return onAccount(operator, id, {}, async ({ id: of }) => {
        await reset.invite(of, operator.actor, options);
        return asItIs(of);
      });
    },
    async verifyEmail(operator, id, { isVerified = false, locale } = {}) {
      requirePermission(operator, 'users:credentials');
      return onAccount(operator, id, {}, async ({ id: of }) => {
        if (isVerified) return accounts.update(of, { emailVerified: true }, operator.actor);
        await verification.request(of, operator.actor, { locale });
        return asItIs(of);
      });
    },
    async renewPassword(operator, id, { password, force = false }, { locale } = {}) {
      requirePermission(operator, 'users:credentials');
      return onAccount(operator, id, {}, async (account, tx) => {
        const { id: of, email } = account;
        if (password === undefined && !force) {
          if (account.status === 'suspended') throw new DomainError('account_suspended');
          await reset.request({ email }, operator.actor, { locale });
          return asItIs(of);
        }
        if (password === undefined && account.passwordHash === null) refuse('force', 'no_password');
        const updated =
          password === undefined ? toUser(account) : await accounts.update(of, { password }, operator.actor);
        if (!force || updated.passwordChangeRequired) return updated;
        const changed = present(await users.update(of, { passwordChangeRequired: true }, tx));
        await audit.record({ type: 'password.change_required', subject: of }, operator.actor, tx);
        return toUser(changed);
      });
    },
  };
}
