import type { Actor } from '../../kernel/actor.ts';
import { DomainError, isDomainError } from '../../kernel/errors.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserRecord } from '../../storage/users.ts';
import { parseEmail } from '../identifiers.ts';
import { createDeadLinks } from '../dead-links.ts';
import { present, toUser, type User } from '../users/user.ts';
import type { VerificationDependencies } from './dependencies.ts';
import { stands, type Grounds } from './grounds.ts';

export interface Confirming {
  /**
   * What the link would verify, without using it up; null when it cannot be used, which is written down.
   * @throws DomainError rate_limited.
   */
  peek(token: string, actor: Actor): Promise<{ user: User; email: string } | null>;
  /**
   * Uses a link: the address that it was sent to is verified, and from now on the account's; the old one is told when
   * it was another. Of any number of tries one succeeds. Whoever holds the link may use it, signed in or not.
   * @returns the account, and whether its address changed.
   * @throws DomainError invalid_verification_token, rate_limited, email_taken when another account has the address by now, unavailable.
   */
  confirm(token: string, actor: Actor): Promise<{ user: User; changed: boolean }>;
}

const PURPOSE = 'verify-email';

export function confirming(dependencies: VerificationDependencies): Confirming {
  const { users, tokens, notices, audit, inTransaction, unanswered, clock } = dependencies;
  const deadLink = createDeadLinks(dependencies);

  const usedBy = (token: string) => `verify-email:${token}`;

  const verify = async (account: UserRecord, actor: Actor, tx: Tx): Promise<UserRecord> => {
    if (account.emailVerifiedAt) return account;
    await audit.record({ type: 'email.verified', subject: account.id }, actor, tx);
    return present(await users.update(account.id, { emailVerifiedAt: new Date(clock.now()) }, tx));
  };

  const change = async (account: UserRecord, to: string, actor: Actor, tx: Tx): Promise<UserRecord> => {
    const columns = { ...parseEmail(to), emailVerifiedAt: new Date(clock.now()) };
    const changed = present(await users.update(account.id, columns, tx));
    await audit.record({ type: 'email.changed', subject: account.id }, actor, tx);
    await notices.emailChanged(account, to, actor, tx);
    return changed;
  };

  return {
    async peek(token, actor) {
      const found = await tokens.peek<Grounds>(PURPOSE, token);
      const account = found && (await users.findById(found.accountId));
      if (account && stands(found.payload, account))
        return { user: toUser(account), email: found.payload.to };
      await deadLink('email.verified', account?.id ?? null, token, actor);
      return null;
    },

    async confirm(token, actor) {
      const found = await tokens.peek<Grounds>(PURPOSE, token);
      const lost = async (error: unknown): Promise<never> => {
        if (isDomainError(error, 'invalid_verification_token'))
          await deadLink('email.verified', found?.accountId ?? null, token, actor);
        throw error;
      };
      if (!found) {
        // The same request may have done it already, and its reply was not sent.
        const id = await unanswered.retake(usedBy(token));
        const account = id === null ? null : await users.findById(id);
        if (account?.status === 'active') return { user: toUser(account), changed: false };
        return lost(new DomainError('invalid_verification_token'));
      }
      return inTransaction(async (tx) => {
        // The account first, as everywhere: two that lock in different order wait for each other.
        const account = await users.lock(found.accountId, tx);
        const used = await tokens.consume<Grounds>(PURPOSE, token, tx);
        if (!account || !used || !stands(used.payload, account)) {
          throw new DomainError('invalid_verification_token');
        }
        await unanswered.note(usedBy(token), account.id, tx);
        const owner: Actor = { ...actor, kind: 'user', id: account.id };
        const { from, to } = used.payload;
        const changed = from !== to;
        const record = changed ? await change(account, to, owner, tx) : await verify(account, owner, tx);
        return { user: toUser(record), changed };
      }).catch(lost);
    },
  };
}
