import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import type { MovedFrom, UserChanges, UserRecord } from '../../storage/users.ts';
import { emailKeyOf } from '../lookup.ts';

/**
 * Whether the address is known to be the owner's: the mailbox alone does not tell who set the password. For `email_verified`
 * (OpenID Connect Core section 5.1) and everything that relies on it.
 */
export const isEmailVerified = ({
  emailVerifiedAt,
  ownerProvenAt,
}: Pick<UserRecord, 'emailVerifiedAt' | 'ownerProvenAt'>): boolean =>
  emailVerifiedAt !== null && ownerProvenAt !== null;

/** The effective address, for resets and notices. A new address takes effect once it is proven. */
export const addressThatCounts = ({ email, movedFrom }: Pick<UserRecord, 'email' | 'movedFrom'>): string =>
  movedFrom?.email ?? email;

/**
 * Whether accounts that `actor` creates count as proven: an operator knows for whom. A program does not count, because people
 * register through it.
 */
export const vouches = ({ kind, isOperator = false }: Actor): boolean =>
  kind === 'operator' || kind === 'system' || isOperator;

/**
 * Checks before a factor, key or identity is added: otherwise a stranger could register another person's address and
 * keep a way in.
 * @throws DomainError email_unverified when the owner is not proven.
 */
export function requireOwner({ ownerProvenAt }: Pick<UserRecord, 'ownerProvenAt'>): void {
  if (ownerProvenAt === null) throw new DomainError('email_unverified', { reason: 'email_unverified' });
}

const moment = (at: Date | null): string | null => at?.toISOString() ?? null;
const date = (at: string | null): Date | null => (at === null ? null : new Date(at));

/** The columns that restore an account's former address and its verification. */
export const backFrom = ({ email, emailKey, emailVerifiedAt, ownerProvenAt }: MovedFrom): UserChanges => ({
  email,
  emailKey,
  emailVerifiedAt: date(emailVerifiedAt),
  ownerProvenAt: date(ownerProvenAt),
  movedFrom: null,
});

/**
 * The columns of an account whose address somebody changes without having proven the new one: the old one stays in force until
 * then. Returning to the old one is no change.
 * @param at milliseconds since the epoch.
 */
export function moveTo(emailKey: string, before: UserRecord, at: number): UserChanges {
  const { email, emailVerifiedAt, ownerProvenAt } = before;
  if (before.movedFrom?.emailKey === emailKey) return backFrom(before.movedFrom);
  const movedFrom = before.movedFrom ?? {
    email,
    emailKey: emailKeyOf(email) ?? email,
    emailVerifiedAt: moment(emailVerifiedAt),
    ownerProvenAt: moment(ownerProvenAt),
    at: new Date(at).toISOString(),
  };
  return { movedFrom, emailVerifiedAt: null, ownerProvenAt: null };
}

/** Whether an account changed to `email` without proving it. */
export const isSquatted = ({ email: present, movedFrom }: UserRecord, email: string): boolean =>
  movedFrom !== null && emailKeyOf(present) === emailKeyOf(email);
