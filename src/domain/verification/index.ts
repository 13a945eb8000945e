/** Verification of email addresses by a mailed link, at sign-up and on a change of address. */
import {
  isCurrent,
  requesting,
  type Requesting,
  type VerificationDependencies,
  type VerificationPayload,
} from './requesting.ts';
import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserChanges, UserRecord } from '../../storage/users.ts';
import { parseEmail } from '../identifiers.ts';
import { createDeadLinks } from '../requested-links.ts';
import { backFrom } from '../ownership/address.ts';
import { payloadOf as resetPayloadOf } from '../reset.ts';
import { isSamePassword } from '../passwords/check.ts';
import { present, toUser, type User } from '../users/user.ts';

export type Verification = Requesting & Confirming;

export function createVerification(dependencies: VerificationDependencies): Verification {
  return { ...requesting(dependencies), ...confirming(dependencies) };
}

/**
 * What the user of the link has proven besides: the browser's session, by account; the account's password; or nothing, for a
 * contract whose document requires nothing. Without any of these they only read the mailbox.
 */
export type Shown =
  | { by: 'session'; accountId: string | null }
  | { by: 'password'; password: string; signal?: AbortSignal | undefined }
  | { by: 'contract' };

/** The purpose of a link. */
export interface VerificationLink {
  user: User;
  /** The address that it was sent to. */
  email: string;
  /** Whether another address of the account was, or is, in force until this is proven. */
  isMove: boolean;
}

export interface Confirmed {
  user: User;
  /** Whether the address of the account changed. */
  changed: boolean;
  /** A token to choose a password within 15 minutes, when the account was cleared; else null. */
  resetToken: string | null;
}

export interface Confirming {
  /**
   * The address that a link would verify, without consuming it. Null for an unusable link, which is audited.
   * @throws DomainError rate_limited.
   */
  peek(token: string, actor: Actor): Promise<VerificationLink | null>;
  /**
   * Uses a link: its address is verified and becomes the account's; the old one, if different, is notified. One of concurrent
   * attempts succeeds.
   *
   * Whoever shows the session or the password is the owner from now on. Anybody else only reads the mailbox. At a first
   * address they may be its owner, for whom a stranger made the account: if the owner was never known, everything that was
   * set is cleared, the password too. At a changed address they may be a stranger, because it was mistyped: the
   * pages refuse them. A contract's document asks for nothing beside the link: it confirms the mailbox, and what was
   * known of the owner stays.
   * @throws DomainError invalid_verification_token, invalid_credentials with the field `password` when the password is wrong,
   *   or a session of nobody or of somebody else is all that is shown for a changed address, account_locked,
   *   rate_limited, email_taken when another account has the address by now, overloaded, unavailable.
   */
  confirm(token: string, actor: Actor, shown?: Shown): Promise<Confirmed>;
  /**
   * The reader of the mailbox does not know the account: restores its former address. Uses up the link.
   * @throws DomainError invalid_verification_token, also when it had no other, rate_limited, unavailable.
   */
  disown(token: string, actor: Actor): Promise<void>;
}

const PURPOSE = 'verify-email';
/** Seconds to choose a password. */
const RESET_TTL = 15 * 60;

export function confirming(dependencies: VerificationDependencies): Confirming {
  const { users, tokens, notices, offer, clear, passwordCheck } = dependencies;
  const { audit, inTransaction, unanswered, clock } = dependencies;
  const deadLink = createDeadLinks(dependencies);
  const now = () => new Date(clock.now());
  const usedBy = (token: string) => `verify-email:${token}`;

  /** The result of the same request when its reply was lost. */
  const doneBefore = async (token: string): Promise<Confirmed | null> => {
    if (await tokens.peek<VerificationPayload>(PURPOSE, token)) return null;
    const id = await unanswered.retake(usedBy(token));
    const account = id === null ? null : await users.findById(id);
    return account?.status === 'active' ? { user: toUser(account), changed: false, resetToken: null } : null;
  };

  /** @throws DomainError invalid_credentials when the password is wrong. */
  const isOwner = async (account: UserRecord, shown: Shown | undefined, actor: Actor): Promise<boolean> => {
    if (shown?.by === 'session') return shown.accountId === account.id;
    if (shown?.by !== 'password') return false;
    const { password, signal } = shown;
    const subject = `id:${account.id}`;
    if (await passwordCheck.matches({ subject, account, password, actor, signal })) return true;
    throw new DomainError('invalid_credentials', { field: 'password' });
  };

  /** Makes the address the account's. Notifies the former one, with a link to undo. */
  const change = async (
    account: UserRecord,
    to: string,
    columns: UserChanges,
    actor: Actor,
    tx: Tx,
  ): Promise<UserRecord> => {
    const undo = await offer(account, 'email', tx);
    const changed = present(await users.update(account.id, { ...parseEmail(to), ...columns }, tx));
    const details = { before: { email: account.email }, after: { email: changed.email } };
    await audit.record({ type: 'email.changed', subject: account.id, details }, actor, tx);
    await notices.emailChanged(account, to, actor, tx, undo);
    return changed;
  };

  const verify = async (account: UserRecord, columns: UserChanges, actor: Actor, tx: Tx) => {
    if (account.emailVerifiedAt && account.ownerProvenAt) return account;
    await audit.record({ type: 'email.verified', subject: account.id }, actor, tx);
    return present(await users.update(account.id, columns, tx));
  };

  /** Removes everything set on the account, by anybody. @returns the token for choosing a password. */
  const handOver = async (account: UserRecord, actor: Actor, tx: Tx) => {
    const at = now();
    const columns = { passwordHash: null, passwordChangedAt: at, emailVerifiedAt: at, ownerProvenAt: at };
    const record = await verify(account, columns, actor, tx);
    await tokens.deleteOf(account.id, 'reset-password', tx);
    await clear(record, null, actor, tx);
    const payload = resetPayloadOf(record);
    const reset = { purpose: 'reset-password', accountId: account.id, payload, ttl: RESET_TTL } as const;
    return { record, resetToken: await tokens.create(reset, tx) };
  };

  /** Consumes a valid link. Returns its payload and the locked account. */
  const use = async (token: string, accountId: string, tx: Tx) => {
    // Lock the account first, as everywhere: a consistent order avoids deadlocks.
    const account = await users.lock(accountId, tx);
    const used = await tokens.consume<VerificationPayload>(PURPOSE, token, tx);
    if (!account || !used || !isCurrent(used.payload, account))
      throw new DomainError('invalid_verification_token');
    await unanswered.note(usedBy(token), account.id, tx);
    return { account, ...used.payload };
  };

  /** Runs `work` on a valid link. Records an invalid or used one. */
  const withLink = async <T>(
    token: string,
    actor: Actor,
    work: (found: { accountId: string }) => Promise<T>,
  ): Promise<T> => {
    const found = await tokens.peek<VerificationPayload>(PURPOSE, token);
    try {
      if (!found) throw new DomainError('invalid_verification_token');
      return await work(found);
    } catch (error) {
      if (isDomainError(error, 'invalid_verification_token'))
        await deadLink('email.verified', found?.accountId ?? null, token, actor);
      throw error;
    }
  };

  return {
    async peek(token, actor) {
      const found = await tokens.peek<VerificationPayload>(PURPOSE, token);
      const account = found && (await users.findById(found.accountId));
      if (account && isCurrent(found.payload, account)) {
        const { from, to } = found.payload;
        return { user: toUser(account), email: to, isMove: from !== to || account.movedFrom !== null };
      }
      await deadLink('email.verified', account?.id ?? null, token, actor);
      return null;
    },

    async confirm(token, actor, shown) {
      const done = await doneBefore(token);
      if (done) return done;
      return withLink(token, actor, async ({ accountId }) => {
        const known = present(await users.findById(accountId));
        const knows = await isOwner(known, shown, actor);
        const confirmed = await inTransaction(async (tx): Promise<Confirmed> => {
          const { account, from, to } = await use(token, accountId, tx);
          // The password was replaced after the check.
          if (knows && !isSamePassword(known, account)) throw new DomainError('invalid_verification_token');
          const owner: Actor = { ...actor, kind: 'user', id: account.id };
          const changed = from !== to;
          const isMove = changed || account.movedFrom !== null;
          if (!knows && isMove && shown?.by === 'session')
            throw new DomainError('invalid_credentials', { field: 'password' });
          if (!knows && !isMove && account.ownerProvenAt === null && shown?.by !== 'contract') {
            const { record, resetToken } = await handOver(account, owner, tx);
            return { user: toUser(record), changed, resetToken };
          }
          const ownerProvenAt = knows ? now() : account.ownerProvenAt;
          const columns = { emailVerifiedAt: now(), ownerProvenAt, movedFrom: null };
          const record = changed
            ? await change(account, to, columns, owner, tx)
            : await verify(account, columns, owner, tx);
          return { user: toUser(record), changed, resetToken: null };
        });
        if (knows && shown?.by === 'password') await passwordCheck.renew(known, shown.password);
        return confirmed;
      });
    },

    disown: (token, actor) =>
      withLink(token, actor, ({ accountId }) =>
        inTransaction(async (tx) => {
          const { account, from, to } = await use(token, accountId, tx);
          if (from === to) {
            if (!account.movedFrom) throw new DomainError('invalid_verification_token');
            await users.update(account.id, backFrom(account.movedFrom), tx);
          }
          await audit.record({ type: 'email.disowned', subject: account.id }, actor, tx);
        }),
      ),
  };
}
