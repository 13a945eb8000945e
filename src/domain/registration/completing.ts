import type { Actor } from '../../kernel/actor.ts';
import { DomainError } from '../../kernel/errors.ts';
import { emailKeyOf } from '../lookup.ts';
import type { Profile } from '../users/profile.ts';
import type { User } from '../users/user.ts';
import type { RegistrationDependencies } from './dependencies.ts';
import type { RegistrationLink, RegistrationLinks } from './links.ts';

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
  { users, accounts, settings }: RegistrationDependencies,
  links: RegistrationLinks,
): Completing {
  const peek: Completing['peek'] = async (token) => {
    const link = links.open(token);
    const key = link && emailKeyOf(link.email);
    return key !== null && (await users.findByEmailKey(key)) === null ? link : null;
  };
  return {
    peek,
    async complete(token, { username, name, locale, password }, actor) {
      if (!settings.open) throw new DomainError('forbidden');
      const link = await peek(token);
      if (!link) throw new DomainError('invalid_verification_token');
      const { email } = link;
      return accounts.create({ email, emailVerified: true, username, name, locale, password }, actor);
    },
  };
}
