/**
 * Undo of changes made with only a token or a session, by a link to the former address. Valid for seven days, because
 * an attacker would control everything set since.
 */
import { rolesOf } from '../operators/rights.ts';
import type { Clock } from '../../core/clock.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import type { Stores } from '../../storage/stores.ts';
import type { MailLimit } from '../outgoing-mail.ts';
import type { Claiming } from '../ownership/claiming.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import type { PasswordPolicy } from '../passwords/policy.ts';
import type { SessionRevoker } from '../session-revoker.ts';
import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { createDeadLinks } from '../requested-links.ts';
import { usernameKeyOf } from '../lookup.ts';
import { createPasswordSetBefore } from '../passwords/set-before.ts';
import { erase } from '../users/lifecycle.ts';
import { toUser, type User } from '../users/user.ts';
import type { Undo, Undoable } from './offering.ts';
export type { Undoable } from './offering.ts';

export type UndoLinks = Confirming;

export const createUndo = (dependencies: UndoDependencies): UndoLinks => confirming(dependencies);

/** Dependencies of undo. */
export interface UndoDependencies
  extends Claiming, Pick<Stores, 'users' | 'unanswered' | 'audit' | 'inTransaction'> {
  tokens: OneTimeTokens;
  limit: MailLimit;
  hasher: PasswordHasher;
  policy: PasswordPolicy;
  sessions: SessionRevoker;
  clock: Clock;
}

export interface Confirming {
  /**
   * The change that a link would undo, without consuming it. Null for an unusable link, which is audited.
   * @throws DomainError rate_limited.
   */
  peek(token: string, actor: Actor): Promise<{ email: string; matter: Undoable } | null>;
  /**
   * Undoes a change of the account: restores its former address, sets a new password, and ends everything that runs. Removes
   * what was set since; everything, if the owner was unproven before. Restores a deleted account. Whoever has registered the
   * address meanwhile without proving it loses that account.
   * @param signal aborts when the caller has gone.
   * @throws DomainError invalid_undo_token, weak_password, email_taken when the address is somebody else's by now, rate_limited,
   *   overloaded, unavailable.
   */
  confirm(token: string, password: string, actor: Actor, signal?: AbortSignal): Promise<User>;
}

const PURPOSE = 'undo';

export function confirming(dependencies: UndoDependencies): Confirming {
  const { users, tokens, claim, sessions, audit, inTransaction, unanswered, hasher, policy } = dependencies;
  const deadLink = createDeadLinks(dependencies);
  const setBefore = createPasswordSetBefore(dependencies);
  const usedBy = (token: string) => `undo:${token}`;

  const lost = async (subject: string | null, token: string, actor: Actor) =>
    deadLink('change.undone', subject, token, actor);

  /** Erases an account that has registered the address since without proving it. @returns its id; null without one. */
  const removeSquatter = async (
    { emailKey }: Undo,
    accountId: string,
    actor: Actor,
    tx: Tx,
  ): Promise<string | null> => {
    const holder = await users.findByEmailKey(emailKey);
    if (!holder || holder.id === accountId) return null;
    const squatter = await users.lock(holder.id, tx);
    if (!squatter) return null;
    const isSomebodys = squatter.ownerProvenAt !== null || rolesOf(squatter).some((role) => role !== 'user');
    if (isSomebodys) throw new DomainError('email_taken', { field: 'email' });
    await sessions.revokeAll(squatter.id, tx);
    await audit.record({ type: 'user.deleted', subject: squatter.id }, actor, tx);
    await erase(dependencies, squatter.id, tx);
    return squatter.id;
  };

  /** A name that another account has taken since is not restored. @param erased an account that this transaction erases. */
  const restoredName = async ({ username }: UserRecord, erased: string | null) => {
    const usernameKey = username === null ? null : usernameKeyOf(username);
    const holder = usernameKey === null ? null : await users.findByUsernameKey(usernameKey);
    const isFree = usernameKey !== null && (holder === null || holder.id === erased);
    return isFree ? { username, usernameKey } : { username: null, usernameKey: null };
  };

  return {
    async peek(token, actor) {
      const found = await tokens.peek<Undo>(PURPOSE, token);
      if (found) return { email: found.payload.email, matter: found.payload.matter };
      await lost(null, token, actor);
      return null;
    },

    async confirm(token, password, actor, signal) {
      const done = await setBefore(usedBy(token), password, signal);
      if (done) return done;
      const found = await tokens.peek<Undo>(PURPOSE, token);
      if (!found) {
        await lost(null, token, actor);
        throw new DomainError('invalid_undo_token');
      }
      const { email } = found.payload;
      await policy.check(password, { ...(await users.findById(found.accountId)), email });
      const passwordHash = await hasher.hash(password, signal);
      return inTransaction(async (tx) => {
        // Lock the account first, as everywhere: a consistent order avoids deadlocks.
        const living = await users.lock(found.accountId, tx);
        const account = living ?? (await users.lockDeleted(found.accountId, tx));
        const used = await tokens.consume<Undo>(PURPOSE, token, tx);
        if (!account || !used) throw new DomainError('invalid_undo_token');
        await unanswered.note(usedBy(token), account.id, tx);
        const owner: Actor = { ...actor, kind: 'user', id: account.id };
        const { payload } = used;
        const erased = await removeSquatter(payload, account.id, owner, tx);
        const restored = living
          ? {}
          : { ...(await restoredName(account, erased)), status: payload.status, deletedAt: null };
        // The deletion freed its unique keys.
        const asItWas = living ? account : { ...account, email: '' };
        const claimed = await claim(asItWas, payload, { ...restored, passwordHash }, owner, tx);
        const details = { matter: payload.matter };
        await audit.record({ type: 'change.undone', subject: account.id, details }, owner, tx);
        return toUser(claimed);
      }).catch(async (error: unknown) => {
        // A parallel request used the link first.
        if (isDomainError(error, 'invalid_undo_token')) await lost(found.accountId, token, actor);
        throw error;
      });
    },
  };
}
