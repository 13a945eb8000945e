import type { Actor } from '../../kernel/actor.ts';
import { DomainError, isDomainError } from '../../kernel/errors.ts';
import { emailKeyOf } from '../lookup.ts';
import { registrationOf } from '../users/creation.ts';
import type { Profile } from '../users/profile.ts';
import type { User } from '../users/user.ts';
import type { RegistrationDependencies } from './dependencies.ts';
import type { OpenedLink, RegistrationLink, RegistrationLinks } from './links.ts';

export interface Completing {
  /** What a link says, as long as an account can be made with it; else null. */
  peek(token: string): Promise<RegistrationLink | null>;
  /**
   * Makes the account, its address verified by the link. Of any number of tries one succeeds; what cannot be used does
   * not use up the link.
   * @throws DomainError forbidden, invalid_verification_token, invalid_username, invalid_request, weak_password,
   *   username_taken, overloaded, unavailable.
   */
  complete(
    token: string,
    account: Pick<Profile, 'username' | 'name' | 'locale'> & { password: string },
    actor: Actor,
  ): Promise<User>;
}

export function completing(
  { users, accounts, steps, unanswered, settings }: RegistrationDependencies,
  links: RegistrationLinks,
): Completing {
  const usable = async (token: string): Promise<OpenedLink | null> => {
    const link = links.open(token);
    const key = link && emailKeyOf(link.email);
    if (!link || key === null) return null;
    const made = await users.findByEmailKey(key);
    // Whoever made it may not have heard of it, and come again.
    if (made !== null) return (await unanswered.has(registrationOf(made))) ? link : null;
    return (await steps.isUsed(link.once)) ? null : link;
  };
  return {
    peek: usable,
    async complete(token, { username, name, locale, password }, actor) {
      if (!settings.open) throw new DomainError('forbidden');
      const link = await usable(token);
      if (!link) throw new DomainError('invalid_verification_token');
      const { email, once } = link;
      const account = { email, emailVerified: true, username, name, locale, password };
      return accounts.create(account, actor, (tx) => steps.use(once, tx)).catch(lost);
    },
  };
}

/** Somebody else was first. */
function lost(error: unknown): never {
  throw isDomainError(error, 'invalid_token') ? new DomainError('invalid_verification_token') : error;
}
