import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserChanges, UserRecord } from '../../storage/users.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { parseProfile, type Profile, withoutSame } from './profile.ts';
import { type AttributeChanges, type AttributeValues, changedFields } from '../attributes/index.ts';
import { emailKeyOf, subjectOf } from '../lookup.ts';
import type { Offer } from '../notices.ts';
import { changesOf } from '../operators/operator.ts';
import { moveTo, vouches } from '../ownership/address.ts';
import { isSamePassword } from '../passwords/check.ts';
import { keepAnAdmin, keepAnOwner } from './roles.ts';
import { present, toUser, type User } from './user.ts';

export type AccountChanges = Profile & {
  roles?: string[] | undefined;
  /** A changed address is unverified unless this says otherwise. */
  emailVerified?: boolean | undefined;
  attributes?: AttributeChanges | undefined;
  /** A new password, set by authority. */
  password?: string | undefined;
};

/** An account locked by the transaction. */
export interface Held {
  account: UserRecord;
  tx: Tx;
}

export interface Changes {
  /**
   * Changes an account, all or nothing. A new password or other roles end all its sessions and tokens. A new address takes
   * effect once it is proven. The owner can undo both for seven days, except an operator's changes. `held` is the account locked
   * in the caller's transaction, which this joins.
   * @throws DomainError user_not_found, invalid_username, invalid_email, invalid_request, weak_password, username_taken,
   *   email_taken, last_admin, overloaded.
   */
  update(id: string, changes: AccountChanges, actor: Actor, held?: Held): Promise<User>;
  /**
   * Changes the password for somebody who knows the current one; null for an account that has none. Ends every session
   * and token of the account. `signal` aborts when the caller has gone.
   * @throws DomainError user_not_found, invalid_credentials when `current` is wrong, account_suspended, account_locked,
   *   weak_password, overloaded, unavailable.
   */
  changePassword(
    id: string,
    current: string | null,
    next: string,
    actor: Actor,
    signal?: AbortSignal,
  ): Promise<User>;
  /** Sets the password by authority, as `update` does. */
  setPassword(id: string, next: string, actor: Actor): Promise<User>;
}

const INNER = new Set(['movedFrom', 'attributes']);

/** The audited columns, without derived uniqueness keys. */
const shown = (columns: UserChanges) =>
  Object.fromEntries(Object.entries(columns).filter(([name]) => !name.endsWith('Key') && !INNER.has(name)));

export function changes(dependencies: AccountsDependencies): Changes {
  const { users, audit, inTransaction, hasher, policy, passwordCheck, sessions, clock } = dependencies;
  const { notices, verification, offer, checkRoles, attributes } = dependencies;

  /**
   * Stores a new password, ends what the old one gave access to, audits it and notifies the owner.
   * @param before the account before the change.
   * @param undo the undo link, when the old password was not entered.
   */
  const replacePassword = async (
    before: UserRecord,
    passwordHash: string,
    actor: Actor,
    tx: Tx,
    undo: Offer | null = null,
  ) => {
    const { id } = before;
    const columns = {
      passwordHash,
      passwordChangedAt: new Date(clock.now()),
      passwordChangeRequired: false,
    };
    await sessions.revokeAll(id, tx);
    const record = present(await users.update(id, columns, tx));
    await audit.record({ type: 'password.changed', subject: id }, actor, tx);
    await notices.passwordChanged(before, actor, tx, undo);
    return record;
  };

  const isMoved = (columns: UserChanges, before: UserRecord) =>
    columns.emailKey !== undefined && columns.emailKey !== emailKeyOf(before.email);

  /** The verification of the address after a change. An operator's statement counts at once. */
  const proof = (
    columns: UserChanges,
    emailVerified: boolean | undefined,
    before: UserRecord,
    actor: Actor,
  ): UserChanges => {
    const now = new Date(clock.now());
    const moves = isMoved(columns, before);
    if (emailVerified || (moves && vouches(actor))) {
      const ownerProvenAt = before.ownerProvenAt ?? now;
      return { movedFrom: null, emailVerifiedAt: emailVerified ? now : null, ownerProvenAt };
    }
    if (moves) return moveTo(columns.emailKey ?? '', before, clock.now());
    return emailVerified === false ? { emailVerifiedAt: null } : {};
  };

  /** A changed phone number is unverified. */
  const phoneProof = ({ phoneNumber }: UserChanges, before: UserRecord) =>
    phoneNumber === undefined || phoneNumber === before.phoneNumber ? {} : { phoneNumberVerifiedAt: null };

  /** Notifies the address in force, and asks the new one for its proof. */
  const tellOfMove = async (before: UserRecord, after: UserRecord, actor: Actor, tx: Tx) => {
    // Back at the address in force.
    if (before.movedFrom?.email === after.email) return;
    const undo = vouches(actor) ? null : await offer(before, 'email', tx);
    await notices.emailChanged(before, after.email, actor, tx, undo);
    if (after.emailVerifiedAt === null) await verification.begin(after, actor, tx);
  };

  /** Attributes that changed and that operators may see, by `attributes.<name>`. */
  const attributesSeen = (before: AttributeValues, after: AttributeValues) => {
    const [was, is] = [before, after].map((values) => attributes.shown(values, 'operator').attributes);
    const fields = changedFields(was!, is!);
    const of = (values: AttributeValues) =>
      Object.fromEntries(fields.map((field) => [field, values[field.replace('attributes.', '')] ?? null]));
    return { before: of(was!), after: of(is!) };
  };

  const update: Changes['update'] = async (
    of,
    { password, emailVerified, roles, attributes: input, ...profile },
    actor,
    held,
  ) => {
    const known = held?.account ?? present(await users.findById(of));
    const columns: UserChanges = {
      ...parseProfile(withoutSame(profile, known), clock.now()),
      ...(roles === undefined ? {} : { roles: [...new Set(roles)] }),
    };
    const { id } = known;
    if (password !== undefined) await policy.check(password, { ...known, ...columns });
    const passwordHash = password === undefined ? undefined : await hasher.hash(password);
    const write = async (tx: Tx) => {
      if (columns.roles) await checkRoles(columns.roles, tx);
      if (columns.roles && !columns.roles.includes('admin')) await keepAnAdmin(users, id, tx);
      const before = held?.account ?? present(await users.lock(id, tx));
      const changed = {
        ...columns,
        ...proof(columns, emailVerified, before, actor),
        ...phoneProof(columns, before),
        ...(input ? { attributes: attributes.apply(before.attributes, input) } : {}),
      };
      let record = before;
      const seen = changesOf<UserChanges>(before, changed);
      if (seen) {
        record = present(await users.update(id, changed, tx));
        const custom = attributesSeen(before.attributes, record.attributes);
        const from = { ...shown(seen.before), ...custom.before };
        const to = { ...shown(seen.after), ...custom.after };
        const fields = Object.keys(seen.after)
          .filter((field) => !field.endsWith('Key') && field !== 'attributes')
          .concat(changedFields(before.attributes, record.attributes));
        const roles = changed.roles ? { roles: changed.roles } : {};
        const details = { fields, ...roles, before: from, after: to };
        await audit.record({ type: 'user.updated', subject: id, details }, actor, tx);
        if (isMoved(columns, before)) await tellOfMove(before, record, actor, tx);
        const moved = new Set(changed.roles ?? before.roles).symmetricDifference(new Set(before.roles));
        if (moved.size > 0) await sessions.rolesChanged([id], moved, tx);
      }
      if (passwordHash !== undefined) {
        const undo = vouches(actor) ? null : await offer(before, 'password', tx);
        record = await replacePassword(before, passwordHash, actor, tx, undo);
      }
      return toUser(record);
    };
    const all = (tx: Tx) => (columns.roles ? keepAnOwner(users, tx, () => write(tx)) : write(tx));
    return held ? all(held.tx) : inTransaction(all);
  };

  return {
    update,
    setPassword: (id, next, actor) => update(id, { password: next }, actor),
    async changePassword(of, current, next, actor, signal) {
      const account = present(await users.findById(of));
      const { id, passwordHash } = account;
      // An account without a password has none to prove; all others do.
      const proven =
        passwordHash === null
          ? current === null
          : await passwordCheck.matches({
              subject: subjectOf(account),
              account,
              password: current,
              actor,
              signal,
            });
      if (!proven) throw new DomainError('invalid_credentials', { field: 'current' });
      if (account.status === 'suspended') throw new DomainError('account_suspended');
      await policy.check(next, account);
      const nextHash = await hasher.hash(next, signal);
      return inTransaction(async (tx) => {
        // The second of two concurrent changes finds that its current password is outdated.
        const before = present(await users.lock(id, tx));
        if (!isSamePassword(account, before))
          throw new DomainError('invalid_credentials', { field: 'current' });
        return toUser(await replacePassword(before, nextHash, actor, tx));
      });
    },
  };
}
