import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { UserRecord } from '../../storage/users.ts';
import { evidenceOf } from '../ownership/claiming.ts';
import { createPasswordSetBefore } from '../passwords/set-before.ts';
import { toUser, type User } from '../users/user.ts';
import { createDeadLinks } from '../dead-links.ts';
import type { ResetDependencies } from './dependencies.ts';
import { isCurrent, type ResetPayload } from './payload.ts';

export interface Confirming {
  /**
   * The account whose password the link would set, without using it up; null when it cannot be used, which is written
   * down.
   * @throws DomainError rate_limited.
   */
  peek(token: string, actor: Actor): Promise<User | null>;
  /**
   * Sets a new password, and with it: ends every session and token of the account and every other link, forgives the
   * source its wrong passwords, verifies the address that the link was sent to, and tells the owner. When nobody was known
   * to be that before, all else that was set on the account goes as well: a stranger may have set it. Of any number of
   * tries with one link one succeeds; a password that cannot be used does not use up the link.
   * @param signal aborts when the caller has gone.
   * @throws DomainError invalid_reset_token, weak_password, rate_limited, overloaded, unavailable.
   */
  confirm(token: string, password: string, actor: Actor, signal?: AbortSignal): Promise<User>;
}

const PURPOSE = 'reset-password';

export function confirming(dependencies: ResetDependencies): Confirming {
  const { users, tokens, claim, audit, inTransaction, unanswered, hasher, policy } = dependencies;

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
      const passwordHash = await hasher.hash(password, signal);
      const lost = async (error: unknown): Promise<never> => {
        // Somebody else was first.
        if (isDomainError(error, 'invalid_reset_token'))
          await deadLink('password.reset', known.id, token, actor);
        throw error;
      };
      return inTransaction(async (tx) => {
        // The account first, as everywhere: two that lock in different order wait for each other.
        const account = await users.lock(known.id, tx);
        const used = await tokens.consume<ResetPayload>(PURPOSE, token, tx);
        if (!account || !used || !isCurrent(used.payload, account))
          throw new DomainError('invalid_reset_token');

        await unanswered.note(usedBy(token), account.id, tx);
        const owner: Actor = { ...actor, kind: 'user', id: account.id };
        const details = { emailVerified: account.emailVerifiedAt === null };
        await audit.record({ type: 'password.reset', subject: account.id, details }, owner, tx);
        return toUser(await claim(account, evidenceOf(account), { passwordHash }, owner, tx));
      }).catch(lost);
    },
  };
}
