import { DomainError, isDomainError } from '../../core/errors.ts';
import type { AttributeChanges } from '../attributes/index.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { type Profile, readProfile, withoutSame } from './profile.ts';
import type { User } from './user.ts';

type Written = Profile & { password?: string | undefined; attributes?: AttributeChanges | undefined };

export interface Mistakes {
  /**
   * All problems of an account's input, for forms that show them at once. Valid input may still be refused on writing.
   * @param account the existing account, if any.
   * @throws DomainError rate_limited, overloaded, unavailable.
   */
  mistakesIn(written: Written, account?: User): Promise<DomainError[]>;
}

export function mistakes({ users, policy, clock, attributes }: AccountsDependencies): Mistakes {
  return {
    async mistakesIn({ password, attributes: input, ...profile }, account) {
      const { columns, errors } = readProfile(withoutSame(profile, account), clock.now());
      const { usernameKey, emailKey } = columns;
      const named = typeof usernameKey === 'string' ? await users.findByUsernameKey(usernameKey) : null;
      if (named && named.id !== account?.id)
        errors.push(new DomainError('username_taken', { field: 'username' }));
      const addressed = emailKey === undefined ? null : await users.findByEmailKey(emailKey);
      if (addressed && addressed.id !== account?.id)
        errors.push(new DomainError('email_taken', { field: 'email' }));
      if (password !== undefined) {
        await policy.check(password, { ...account, ...columns }).catch((error: unknown) => {
          if (!isDomainError(error, 'weak_password')) throw error;
          errors.push(error);
        });
      }
      if (input) errors.push(...attributes.read(account?.attributes ?? {}, input).errors);
      return errors;
    },
  };
}
