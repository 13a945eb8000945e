import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { NewUser, UserRecord } from '../../storage/users.ts';
import type { AttributeChanges } from '../attributes/index.ts';
import { parseEmail } from '../identifiers.ts';
import { vouches } from '../ownership/address.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { parseProfile, type Profile } from './profile.ts';
import { toUser, type User } from './user.ts';

/** The input of a self-registration. */
export type Registration = Profile & {
  email: string;
  password: string;
  attributes?: AttributeChanges | undefined;
};

/** The input of an operator. */
export type NewAccount = Profile & {
  email: string;
  /** `user` by default. */
  roles?: string[] | undefined;
  /** None: the account cannot log in with a password until one is set. */
  password?: string | null | undefined;
  emailVerified?: boolean | undefined;
  attributes?: AttributeChanges | undefined;
  /** Whether somebody vouches that the address and the password are the same person's. */
  isVouchedFor?: boolean;
};

export interface Creation {
  /**
   * Creates a self-registered account with the role `user`, and asks for proof of its address. `signal` aborts when the caller
   * has gone.
   * @throws DomainError forbidden when registration is closed, invalid_username, invalid_email, invalid_request, weak_password,
   *   username_taken, email_taken, overloaded.
   */
  register(registration: Registration, actor: Actor, signal?: AbortSignal): Promise<User>;
  /**
   * Creates an account by an operator: with any roles (`user` by default), whether registration is open or not. Its
   * owner counts as proven. Throws the same. @param before work to do in the same transaction.
   */
  create(account: NewAccount, actor: Actor, before?: (tx: Tx) => Promise<void>): Promise<User>;
}

/** A new account, validated, its password hashed, ready to be written. */
export async function prepare(
  { policy, hasher, clock }: Pick<AccountsDependencies, 'policy' | 'hasher' | 'clock'>,
  {
    password,
    emailVerified = false,
    isVouchedFor = false,
    roles = ['user'],
    ...profile
  }: Omit<NewAccount, 'attributes'>,
  signal?: AbortSignal,
): Promise<NewUser> {
  const now = new Date(clock.now());
  const user = {
    ...parseProfile(profile, clock.now()),
    ...parseEmail(profile.email),
    roles: [...new Set(roles)],
    id: newUuid(),
    emailVerifiedAt: emailVerified ? now : null,
    ownerProvenAt: emailVerified || isVouchedFor ? now : null,
  };
  if (password === undefined || password === null) return user;
  await policy.check(password, user);
  return { ...user, passwordHash: await hasher.hash(password, signal), passwordChangedAt: now };
}

/** The key of a registration whose reply may not have been sent. */
export const registrationOf = ({ id }: { id: string }): string => `registration:${id}`;

/** Writes a prepared account and its event. */
export async function insert(
  { users, audit }: Pick<AccountsDependencies, 'users' | 'audit'>,
  user: NewUser,
  actor: Actor,
  tx: Tx,
): Promise<UserRecord> {
  const record = await users.create(user, tx);
  const details = { roles: record.roles };
  await audit.record({ type: 'user.created', subject: record.id, details }, actor, tx);
  return record;
}

export function creation(dependencies: AccountsDependencies): Creation {
  const { users, inTransaction, verification, unanswered, passwordCheck } = dependencies;

  const prepareWhole = async (
    { attributes: input, ...account }: NewAccount,
    signal?: AbortSignal,
  ): Promise<NewUser> => {
    const attributes = input ? dependencies.attributes.apply({}, input) : {};
    return { ...(await prepare(dependencies, account, signal)), attributes };
  };

  /** The account that the same request created before, when its reply was not sent: the requester knows its password. */
  const madeBefore = async (user: NewUser, password: unknown, actor: Actor): Promise<User | null> => {
    const account = await users.findByEmailKey(user.emailKey);
    const isSame = account?.username === (user.username ?? null) && account.status === 'active';
    if (!isSame || !(await unanswered.has(registrationOf(account)))) return null;
    if (!(await passwordCheck.matches({ subject: `id:${account.id}`, account, password, actor })))
      return null;
    return (await unanswered.retake(registrationOf(account))) === null ? null : toUser(account);
  };

  const make = async (
    user: NewUser,
    password: unknown,
    actor: Actor,
    {
      before,
      after,
    }: {
      before?: ((tx: Tx) => Promise<void>) | undefined;
      after?: (record: UserRecord, tx: Tx) => Promise<void>;
    },
  ): Promise<User> => {
    try {
      return await inTransaction(async (tx) => {
        await before?.(tx);
        await dependencies.checkRoles(user.roles ?? [], tx);
        const record = await insert(dependencies, user, actor, tx);
        await after?.(record, tx);
        await unanswered.note(registrationOf(record), record.id, tx);
        return toUser(record);
      });
    } catch (error) {
      const isTaken = (['username_taken', 'email_taken', 'invalid_token'] as const).some((code) =>
        isDomainError(error, code),
      );
      const made = isTaken ? await madeBefore(user, password, actor) : null;
      if (made) return made;
      throw error;
    }
  };

  /** @throws DomainError email_taken, username_taken for somebody whose account is still at another service. */
  const refuseElsewhere = async ({
    email,
    username,
    password,
  }: Pick<NewAccount, 'email' | 'username' | 'password'>): Promise<void> => {
    const [hasEmail, hasUsername] = await Promise.all([
      dependencies.legacy.exists(email, password ?? undefined),
      dependencies.legacy.exists(username),
    ]);
    if (hasEmail) throw new DomainError('email_taken', { field: 'email' });
    if (hasUsername) throw new DomainError('username_taken', { field: 'username' });
  };

  return {
    async register({ attributes, ...registration }, actor, signal) {
      if (!dependencies.registration.open) throw new DomainError('forbidden');
      // Pick fields explicitly: self-registration must not set roles or verification.
      const { email, password, username, name, givenName, familyName, locale } = registration;
      const account = { email, password, username, name, givenName, familyName, locale, attributes };
      const user = await prepareWhole(account, signal);
      await refuseElsewhere(account);
      return make(user, password, actor, {
        after: (record, tx) => verification.begin(record, actor, tx),
      });
    },
    async create(account, actor, before) {
      const isVouchedFor = vouches(actor);
      const user = await prepareWhole({ ...account, isVouchedFor });
      // Refuse an account that a legacy source has, unless an operator creates it on purpose.
      if (actor.door.startsWith('contract:')) await refuseElsewhere(account);
      return make(user, account.password, actor, { before });
    },
  };
}
