import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import type { OneTimeTokens } from '../../storage/one-time-tokens.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserChanges, UserRecord } from '../../storage/users.ts';
import type { Lockout } from '../lockout.ts';
import { emailKeyOf, subjectOf } from '../lookup.ts';
import type { Notices } from '../notices.ts';
import type { SessionRevoker } from '../session-revoker.ts';
import { sourceOfActor } from '../source.ts';
import { present } from '../users/user.ts';
import type { Belongings } from '../../storage/belongings.ts';
import type { Stores } from '../../storage/stores.ts';

/** Proof of a mailbox, with the new password. */
export interface Evidence {
  /** The address that the link went to. */
  email: string;
  emailKey: string;
  /** The earlier proof that its reader is the owner, before somebody changed the account. ISO 8601. */
  ownerProvenAt: string | null;
  /** When it was changed, if this undoes a change. ISO 8601. */
  at: string | null;
}

export interface Claiming {
  /**
   * Gives an account, locked in `tx`, to the reader of its mailbox: sets their address and password, and ends every session and
   * token. Everything else set on it is removed when the owner was unproven; when this undoes a change, only what was set by
   * whoever made that change.
   * @param more further columns.
   * @throws DomainError email_taken when another account has the address by now.
   */
  claim(
    account: UserRecord,
    evidence: Evidence,
    more: Omit<UserChanges, 'email' | 'emailKey'> & { passwordHash: string },
    actor: Actor,
    tx: Tx,
  ): Promise<UserRecord>;
}

/** Milliseconds before a change within which other changes are suspect: an attacker may have prepared. */
const BEFORE = 3_600_000;

/** The effective address and its verification. */
export function evidenceOf({ email, movedFrom, ownerProvenAt }: UserRecord): Evidence {
  if (movedFrom) return movedFrom;
  const proven = ownerProvenAt?.toISOString() ?? null;
  return { email, emailKey: emailKeyOf(email) ?? email, ownerProvenAt: proven, at: null };
}

export function createClaiming(
  dependencies: Pick<Stores, 'users'> & {
    tokens: Pick<OneTimeTokens, 'deleteOf'>;
    clear: Clear;
    sessions: SessionRevoker;
    notices: Pick<Notices, 'passwordChanged'>;
    lockout: Pick<Lockout, 'forgive'>;
    clock: Clock;
  },
): Claiming {
  const { users, tokens, clear, sessions, notices, lockout, clock } = dependencies;

  /** Clears the lockout of the source. */
  const forgive = (account: UserRecord, source: string) =>
    lockout.forgive({ subject: subjectOf(account), accountId: account.id, source });

  return {
    async claim(account, { email, emailKey, ownerProvenAt, at }, more, actor, tx) {
      const now = new Date(clock.now());
      const changes: UserChanges = {
        ...(email === account.email ? {} : { email, emailKey }),
        movedFrom: null,
        emailVerifiedAt: email === account.email && account.emailVerifiedAt ? account.emailVerifiedAt : now,
        ownerProvenAt: account.ownerProvenAt ?? now,
        passwordChangedAt: now,
        passwordChangeRequired: false,
        ...more,
      };
      const claimed = present(await users.update(account.id, changes, tx));
      await tokens.deleteOf(account.id, 'reset-password', tx);
      await tokens.deleteOf(account.id, 'verify-email', tx);
      // Undo links of later changes would restore the changes that this removes.
      if (at !== null) await tokens.deleteOf(account.id, 'undo', tx, at);
      if (ownerProvenAt === null) await clear(claimed, null, actor, tx);
      else if (at !== null) await clear(claimed, new Date(Date.parse(at) - BEFORE), actor, tx);
      else await sessions.revokeAll(account.id, tx);
      await notices.passwordChanged(claimed, actor, tx);
      tx.afterCommit(() => forgive(claimed, sourceOfActor(actor)));
      // With its new security version.
      return present(await users.lock(account.id, tx));
    },
  };
}

/**
 * Removes in `tx` what was set on an account: factors, identities, API keys, remembered devices, consents, sessions and every
 * token; and tells the owner what there was.
 * @param account as it is afterwards: the mail goes to its address.
 * @param since removes only what was set from then on, except that all sessions and tokens end; everything with null.
 */
export type Clear = (account: UserRecord, since: Date | null, actor: Actor, tx: Tx) => Promise<void>;

export const createClear =
  ({
    belongings,
    sessions,
    audit,
    notices,
  }: Pick<Stores, 'audit'> & {
    belongings: Belongings;
    sessions: SessionRevoker;
    notices: Pick<Notices, 'accountCleared'>;
  }): Clear =>
  async (account, since, actor, tx) => {
    // Count before the sessions end, because API keys end with them.
    const removed = await belongings.clear(account.id, since, tx);
    await sessions.revokeAll(account.id, tx);
    if (Object.values(removed).every((count) => count === 0)) return;
    await audit.record({ type: 'account.cleared', subject: account.id, details: { ...removed } }, actor, tx);
    await notices.accountCleared(account, removed, actor, tx);
  };
