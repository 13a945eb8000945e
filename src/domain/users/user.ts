import { DomainError } from '../../core/errors.ts';
import type { UserRecord } from '../../storage/users.ts';

/** What stays inside: the hash of the password, the keys of uniqueness, when a deleted account was deleted. */
type Inner = 'passwordHash' | 'usernameKey' | 'emailKey' | 'deletedAt';

/** An account as every door may see it. */
export type User = Omit<UserRecord, Inner> & { hasPassword: boolean };

/** The account as doors may see it. */
export function toUser(record: UserRecord): User {
  const {
    passwordHash,
    usernameKey: _usernameKey,
    emailKey: _emailKey,
    deletedAt: _deletedAt,
    ...rest
  } = record;
  return { ...rest, hasPassword: passwordHash !== null };
}

/** The account, when there is one. @throws DomainError user_not_found. */
export function present(record: UserRecord | null): UserRecord {
  if (!record) throw new DomainError('user_not_found');
  return record;
}
