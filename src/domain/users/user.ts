import { DomainError } from '../../core/errors.ts';
import type { UserRecord } from '../../storage/users.ts';

/** Internal columns: password hash, uniqueness keys, time and cause of deletion. */
type Inner = 'passwordHash' | 'usernameKey' | 'emailKey' | 'deletedAt' | 'suspendedByDeletion';

/** An account without internal columns. */
export type User = Omit<UserRecord, Inner> & { hasPassword: boolean };

/** The account as doors may see it. */
export function toUser(record: UserRecord): User {
  const {
    passwordHash,
    usernameKey: _usernameKey,
    emailKey: _emailKey,
    deletedAt: _deletedAt,
    suspendedByDeletion: _suspendedByDeletion,
    ...rest
  } = record;
  return { ...rest, hasPassword: passwordHash !== null };
}

/** The account, if it exists. @throws DomainError user_not_found. */
export function present(record: UserRecord | null): UserRecord {
  if (!record) throw new DomainError('user_not_found');
  return record;
}
