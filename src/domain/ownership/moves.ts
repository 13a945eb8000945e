import type { MovedFrom, UserChanges, UserRecord } from '../../storage/users.ts';
import { emailKeyOf } from '../lookup.ts';

const moment = (at: Date | null): string | null => at?.toISOString() ?? null;
const date = (at: string | null): Date | null => (at === null ? null : new Date(at));

/** The columns of an account that has the address again which it moved away from, with what was known of it. */
export const backFrom = ({ email, emailKey, emailVerifiedAt, ownerProvenAt }: MovedFrom): UserChanges => ({
  email,
  emailKey,
  emailVerifiedAt: date(emailVerifiedAt),
  ownerProvenAt: date(ownerProvenAt),
  movedFrom: null,
});

/**
 * The columns of an account whose address somebody changes who has not proven the new one: the old one counts until that
 * is done. Coming back to that one is no change.
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

/** Whether an account came to `email` from another address, and nobody has shown that it is theirs. */
export const isSquatted = ({ email: present, movedFrom }: UserRecord, email: string): boolean =>
  movedFrom !== null && emailKeyOf(present) === emailKeyOf(email);
