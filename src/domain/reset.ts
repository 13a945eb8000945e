/**
 * Password reset: a single-use link by mail that sets a new password. It neither signs in nor replaces a second
 * factor.
 */
import type { Clock } from '../core/clock.ts';
import type { OneTimeTokens } from '../storage/one-time-tokens.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import { noUser, type UserRecord } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';
import type { MailLimit, OutgoingMail } from './outgoing-mail.ts';
import { type Claiming, evidenceOf } from './ownership/claiming.ts';
import type { PasswordHasher } from './passwords/hasher.ts';
import type { PasswordPolicy } from './passwords/policy.ts';
import { addressThatCounts } from './ownership/address.ts';
import type { Actor } from '../core/actor.ts';
import type { LegacyAccounts } from './legacy/index.ts';
import { emailKeyOf, lookUp } from './lookup.ts';
import { createDeadLinks, createRequestedLinks } from './requested-links.ts';
import { sha256 } from '../core/ids.ts';
import { type Notices, recipientOf } from './notices.ts';
import type { SessionRevoker } from './session-revoker.ts';
import { isShared, sourceOfActor } from './source.ts';
import { DomainError, isDomainError } from '../core/errors.ts';
import { createPasswordSetBefore } from './passwords/set-before.ts';
import { present, toUser, type User } from './users/user.ts';

export type PasswordReset = Requesting & Confirming & Inviting;

export function createPasswordReset(dependencies: ResetDependencies): PasswordReset {
  return { request: requesting(dependencies), ...confirming(dependencies), ...inviting(dependencies) };
}

/** Dependencies of password reset. */
export interface ResetDependencies
  extends Claiming, Pick<Stores, 'users' | 'unanswered' | 'audit' | 'inTransaction' | 'signIns'> {
  tokens: OneTimeTokens;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  limit: MailLimit;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  clock: Clock;
  sessions: SessionRevoker;
  notices: Pick<Notices, 'passwordChanged' | 'accountElsewhere'>;
  legacy: Pick<LegacyAccounts, 'exists'>;
}

/** The account's state when the link was sent. A change of it invalidates the link. */
export interface ResetPayload {
  /** The address that it was sent to. */
  email: string;
  /** When the password to replace was set, in milliseconds. */
  passwordChangedAt: number | null;
  /** Whether the user has signed in with the password being replaced: the link proves no address then. */
  isRenewal?: true;
}

export const payloadOf = (account: UserRecord): ResetPayload => ({
  email: addressThatCounts(account),
  passwordChangedAt: account.passwordChangedAt?.getTime() ?? null,
});

/** Whether a link with this payload may still be used. */
export function isCurrent(payload: ResetPayload, account: UserRecord): boolean {
  const { email, passwordChangedAt } = payloadOf(account);
  return (
    account.status === 'active' && email === payload.email && passwordChangedAt === payload.passwordChangedAt
  );
}

export interface Requesting {
  /**
   * Sends a link to choose a new password to the named account, if it is active: to its address in force, not to an unproven new
   * one. Does the same work whether there is such an account or not.
   * @param input unchecked: an email address or a username, or an email address only.
   * @param options.locale the language of the request (BCP 47), for an account without its own.
   * @returns whether there is such an account: only for doors whose contract reveals it.
   * @throws DomainError rate_limited, alike for accounts that do not exist; unavailable.
   */
  request(
    input: { identifier: unknown } | { email: unknown },
    actor: Actor,
    options?: { locale?: string | undefined },
  ): Promise<{ found: boolean }>;
}

/** Lifetime of a link in seconds. */
const RESET_TTL = 15 * 60;

/** Requests per hour: by one source for one account, by one source, and for one account by unknown sources. */
const MAX_REQUESTS = { pair: 10, source: 200, account: 30 };

export function requesting(dependencies: ResetDependencies): Requesting['request'] {
  const { users, limit, signIns, clock, legacy, notices, inTransaction } = dependencies;
  const send = createRequestedLinks(dependencies, {
    purpose: 'reset-password',
    mail: 'password-reset',
    event: 'password.reset_requested',
    ttl: RESET_TTL,
  });

  /** The account that keeps this address until its new one is proven. */
  const movedFrom = async (subject: string) => {
    const [, key] = /^email:(.+)$/.exec(subject) ?? [];
    return key === undefined ? null : users.findMovedFrom(key);
  };

  return async (input, actor, { locale } = {}) => {
    const { subject, account: named } = await lookUp(users, input);
    const account = named ?? (await movedFrom(subject));
    // An impossible name reveals nothing about accounts.
    if (subject === 'nobody') return { found: false };
    const source = sourceOfActor(actor);
    const isKnown = !isShared(source) && (await signIns.knows(account?.id ?? noUser.id, source, clock.now()));
    await limit([
      { of: `reset:${subject}\n${source}`, limit: MAX_REQUESTS.pair },
      { of: `reset:${source}`, limit: MAX_REQUESTS.source, unless: isShared(source) },
      { of: `reset:${subject}`, limit: MAX_REQUESTS.account, unless: isKnown },
    ]);
    const typed = 'email' in input ? input.email : input.identifier;
    // Do the same work for any name: timing must not tell who has an account.
    const isElsewhere = (await legacy.exists(typed)) && account === null;
    if (isElsewhere && typeof typed === 'string' && emailKeyOf(typed) !== null)
      await inTransaction((tx) => notices.accountElsewhere(typed.trim(), locale ?? null, actor, tx));
    await send({
      accountId: account?.id ?? null,
      subject,
      actor,
      locale,
      isReachable: ({ status }) => status === 'active',
      payloadOf,
      isOwners: ({ ownerProvenAt }) => isKnown && ownerProvenAt !== null,
      reasonOf: (locked) => (locked ? 'account_suspended' : 'unknown_account'),
    });
    return { found: account !== null || isElsewhere };
  };
}

export interface Inviting {
  /**
   * Sends a link to set a password to an account without one; invalidates earlier links. Valid for seven days; its
   * use proves the address.
   * @throws DomainError user_not_found, account_suspended, invalid_request for an account with a password.
   */
  invite(accountId: string, actor: Actor, options?: { locale?: string | undefined }): Promise<void>;
  /**
   * A link to choose another password, for a browser that has just signed in with the present one: unlike a mailed link it
   * proves no address.
   * @returns its token.
   * @throws DomainError user_not_found.
   */
  renew(accountId: string): Promise<string>;
}

/** Seconds that an invitation is valid. */
const INVITATION_TTL = 7 * 86_400;

export function inviting({
  users,
  tokens,
  outgoingMail,
  audit,
  inTransaction,
  clock,
}: ResetDependencies): Inviting {
  const create = (account: UserRecord, payload: ResetPayload, ttl: number, tx: Tx) =>
    tokens.create({ purpose: PURPOSE, accountId: account.id, payload, ttl }, tx);
  return {
    invite: (accountId, actor, { locale } = {}) =>
      inTransaction(async (tx) => {
        const account = present(await users.lock(accountId, tx));
        if (account.status === 'suspended') throw new DomainError('account_suspended');
        if (account.passwordHash !== null)
          throw new DomainError('invalid_request', {
            reason: 'The account has a password: send a link to reset it instead.',
          });
        const token = await create(account, payloadOf(account), INVITATION_TTL, tx);
        const expiresAt = new Date(clock.now() + INVITATION_TTL * 1000).toISOString();
        const link = { token, lasts: INVITATION_TTL, expiresAt };
        const content = { ...recipientOf(account, locale), kind: 'invitation', link } as const;
        await outgoingMail.enqueue({ cause: `invitation:${sha256(token)}`, content, actor }, tx);
        await audit.record({ type: 'user.invited', subject: account.id }, actor, tx);
      }),
    renew: (accountId) =>
      inTransaction(async (tx) => {
        const account = present(await users.lock(accountId, tx));
        return create(account, { ...payloadOf(account), isRenewal: true }, RESET_TTL, tx);
      }),
  };
}

export interface Confirming {
  /**
   * The account whose password the link would set, without using it up; null for an unusable link, which is audited.
   * @throws DomainError rate_limited.
   */
  peek(token: string, actor: Actor): Promise<User | null>;
  /**
   * Sets a new password. Ends every session, token and other link of the account, clears the source's wrong guesses, verifies
   * the link's address, and tells the owner. If the owner was unproven before, everything else set on the account is removed as
   * well: a stranger may have set it. One of concurrent attempts with a link succeeds; an invalid password does not use up the
   * link.
   * @param signal aborts when the caller has gone.
   * @throws DomainError invalid_reset_token, weak_password, rate_limited, overloaded, unavailable.
   */
  confirm(token: string, password: string, actor: Actor, signal?: AbortSignal): Promise<User>;
}

const PURPOSE = 'reset-password';

export function confirming(dependencies: ResetDependencies): Confirming {
  const { users, tokens, claim, audit, inTransaction, unanswered, hasher, policy } = dependencies;
  const { sessions, notices, clock } = dependencies;

  const deadLink = createDeadLinks(dependencies);

  const find = async (token: string, actor: Actor): Promise<UserRecord | null> => {
    const found = await tokens.peek<ResetPayload>(PURPOSE, token);
    const account = found && (await users.findById(found.accountId));
    if (account && isCurrent(found.payload, account)) return account;
    await deadLink('password.reset', account?.id ?? null, token, actor);
    return null;
  };

  const usedBy = (token: string) => `reset-password:${token}`;

  const setBefore = createPasswordSetBefore(dependencies);

  /** Replaces the password of a user who has entered it, and ends the sessions and tokens based on it. */
  const renewed = async (account: UserRecord, passwordHash: string, owner: Actor, tx: Tx) => {
    const passwordChangedAt = new Date(clock.now());
    const columns = { passwordHash, passwordChangedAt, passwordChangeRequired: false };
    await sessions.revokeAll(account.id, tx);
    const after = present(await users.update(account.id, columns, tx));
    await audit.record({ type: 'password.changed', subject: account.id }, owner, tx);
    await notices.passwordChanged(account, owner, tx);
    return after;
  };

  return {
    async peek(token, actor) {
      const account = await find(token, actor);
      return account && toUser(account);
    },

    async confirm(token, password, actor, signal) {
      const done = await setBefore(usedBy(token), password, signal);
      if (done) return done;
      const known = await find(token, actor);
      if (!known) throw new DomainError('invalid_reset_token');
      await policy.check(password, known);
      // The new password must differ from the old one.
      if (known.passwordChangeRequired && known.passwordHash !== null) {
        const isUnchanged = await hasher.verify(known.passwordHash, password, signal);
        if (isUnchanged) throw new DomainError('weak_password', { field: 'password', reason: 'unchanged' });
      }
      const passwordHash = await hasher.hash(password, signal);
      const lost = async (error: unknown): Promise<never> => {
        // A parallel request used the link first.
        if (isDomainError(error, 'invalid_reset_token'))
          await deadLink('password.reset', known.id, token, actor);
        throw error;
      };
      return inTransaction(async (tx) => {
        // Lock the account first, as everywhere: a consistent order avoids deadlocks.
        const account = await users.lock(known.id, tx);
        const used = await tokens.consume<ResetPayload>(PURPOSE, token, tx);
        if (!account || !used || !isCurrent(used.payload, account))
          throw new DomainError('invalid_reset_token');

        await unanswered.note(usedBy(token), account.id, tx);
        const owner: Actor = { ...actor, kind: 'user', id: account.id };
        if (used.payload.isRenewal) return toUser(await renewed(account, passwordHash, owner, tx));
        const details = { emailVerified: account.emailVerifiedAt === null };
        await audit.record({ type: 'password.reset', subject: account.id, details }, owner, tx);
        return toUser(await claim(account, evidenceOf(account), { passwordHash }, owner, tx));
      }).catch(lost);
    },
  };
}
