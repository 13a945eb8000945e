import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { UserRecord } from '../../storage/users.ts';
import { emailKeyOf } from '../lookup.ts';
import { evidenceOf } from '../ownership/claiming.ts';
import { backFrom, isSquatted } from '../ownership/moves.ts';
import { registrationOf } from '../users/creation.ts';
import { parseProfile, type Profile } from '../users/profile.ts';
import { toUser, type User } from '../users/user.ts';
import type { RegistrationDependencies } from './dependencies.ts';
import type { OpenedLink, RegistrationLink, RegistrationLinks } from './links.ts';

export interface Completing {
  /** What a link says, as long as an account can be made with it; else null. */
  peek(token: string): Promise<RegistrationLink | null>;
  /**
   * Makes the account, its address verified by the link. Of any number of tries one succeeds; what cannot be used does
   * not use up the link. An account that somebody made with the address meanwhile, at a contract, without proving it, is
   * taken over with nothing of what was set on it.
   * @throws DomainError forbidden, invalid_verification_token, invalid_username, invalid_request, weak_password,
   *   username_taken, overloaded, unavailable.
   */
  complete(token: string, account: NewcomerAccount, actor: Actor): Promise<User>;
}

type NewcomerAccount = Pick<Profile, 'username' | 'name' | 'locale'> & { password: string };

export function completing(dependencies: RegistrationDependencies, links: RegistrationLinks): Completing {
  const { users, accounts, steps, unanswered, settings, inTransaction, claim, policy, hasher, audit, clock } =
    dependencies;

  /** The account that has an address, or had it before one that nobody has proven yet. */
  const holderOf = async (email: string): Promise<UserRecord | null> => {
    const key = emailKeyOf(email) ?? '';
    return (await users.findByEmailKey(key)) ?? (await users.findMovedFrom(key));
  };

  /** Whether an account stands in the way: one whose owner has shown that the address is theirs. */
  const isTaken = (holder: UserRecord, email: string): boolean =>
    evidenceOf(holder).ownerProvenAt !== null && !isSquatted(holder, email);

  const usable = async (token: string): Promise<OpenedLink | null> => {
    const link = links.open(token);
    if (!link) return null;
    const holder = await holderOf(link.email);
    // Whoever made it may not have heard of it, and come again.
    if (holder && isTaken(holder, link.email))
      return (await unanswered.has(registrationOf(holder))) ? link : null;
    return (await steps.isUsed(link.once)) ? null : link;
  };

  /** Gives an account to who reads the mailbox of the address that a stranger, or they themselves, made it with. */
  const take = async (
    holder: UserRecord,
    { username, name, locale, password }: NewcomerAccount,
    once: OpenedLink['once'],
    actor: Actor,
  ) => {
    const profile = { username, name, locale };
    await policy.check(password, { ...holder, ...profile });
    const passwordHash = await hasher.hash(password);
    return inTransaction(async (tx) => {
      await steps.use(once, tx);
      const account = await users.lock(holder.id, tx);
      if (!account || evidenceOf(account).ownerProvenAt !== null)
        throw new DomainError('invalid_verification_token');
      const owner: Actor = { ...actor, kind: 'user', id: account.id };
      await audit.record({ type: 'email.verified', subject: account.id }, owner, tx);
      const columns = { ...parseProfile(profile, clock.now()), passwordHash };
      return toUser(await claim(account, evidenceOf(account), columns, owner, tx));
    });
  };

  /** Takes the address off an account that came to it from another one without proving it. */
  const release = (holder: UserRecord, actor: Actor) =>
    inTransaction(async (tx) => {
      const account = await users.lock(holder.id, tx);
      if (!account?.movedFrom || account.email !== holder.email) return;
      await users.update(account.id, backFrom(account.movedFrom), tx);
      await audit.record({ type: 'email.disowned', subject: account.id }, actor, tx);
    });

  return {
    peek: usable,
    async complete(token, account, actor) {
      if (!settings.open) throw new DomainError('forbidden');
      const link = await usable(token);
      if (!link) throw new DomainError('invalid_verification_token');
      const { email, once } = link;
      const holder = await holderOf(email);
      const isOwned = holder && isTaken(holder, email);
      if (holder && !isOwned && !isSquatted(holder, email))
        return take(holder, account, once, actor).catch(lost);
      if (holder && !isOwned) await release(holder, actor);
      const { username, name, locale, password } = account;
      const newcomer = { email, emailVerified: true, username, name, locale, password };
      return accounts.create(newcomer, actor, (tx) => steps.use(once, tx)).catch(lost);
    },
  };
}

/** Somebody else was first. */
function lost(error: unknown): never {
  throw isDomainError(error, 'invalid_token') ? new DomainError('invalid_verification_token') : error;
}
