import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import type { UserRecord } from '../../storage/users.ts';

/**
 * Whether the address is known to be the owner's: the mailbox alone does not say who set the password. For `email_verified`
 * (OpenID Connect Core section 5.1) and all that trusts in it.
 */
export const isEmailVerified = ({
  emailVerifiedAt,
  ownerProvenAt,
}: Pick<UserRecord, 'emailVerifiedAt' | 'ownerProvenAt'>): boolean =>
  emailVerifiedAt !== null && ownerProvenAt !== null;

/** The address that counts, for reset and for what the owner is told: a new one does not before it is proven. */
export const addressThatCounts = ({ email, movedFrom }: Pick<UserRecord, 'email' | 'movedFrom'>): string =>
  movedFrom?.email ?? email;

/**
 * Whether accounts are as good as proven that `actor` makes: an operator knows whom for. A program does not, because
 * people register by way of it.
 */
export const vouches = ({ kind }: Actor): boolean => kind === 'operator' || kind === 'system';

/**
 * Before a factor, a key or an identity is added: what a stranger adds to an account in somebody else's name would open
 * it when that somebody comes.
 * @throws DomainError email_unverified when the owner is not proven.
 */
export function requireOwner({ ownerProvenAt }: Pick<UserRecord, 'ownerProvenAt'>): void {
  if (ownerProvenAt === null) throw new DomainError('email_unverified', { reason: 'email_unverified' });
}
