import { DomainError } from '../../core/errors.ts';
import type { UserRecord } from '../../storage/users.ts';

/** An account as every door may see it: without the hash of its password. */
export type User = Omit<UserRecord, 'passwordHash'> & { hasPassword: boolean };

/** The account as doors may see it. */
export function toUser({ passwordHash, ...record }: UserRecord): User {
  return { ...record, hasPassword: passwordHash !== null };
}

/** The account, when there is one. @throws DomainError user_not_found. */
export function present(record: UserRecord | null): UserRecord {
  if (!record) throw new DomainError('user_not_found');
  return record;
}
