import type { Stores } from '../../storage/stores.ts';
import { toUser, type User } from '../users/user.ts';
import type { PasswordHasher } from './hasher.ts';

/**
 * Finds the account whose password an earlier request set by this link to this value, when that request's reply was
 * not sent. @param usedBy the recorded use of the link.
 * @param signal aborts when the caller has gone.
 * @throws DomainError overloaded, unavailable.
 */
export const createPasswordSetBefore =
  ({
    users,
    unanswered,
    hasher,
  }: Pick<Stores, 'users' | 'unanswered'> & { hasher: Pick<PasswordHasher, 'verify'> }) =>
  async (usedBy: string, password: string, signal?: AbortSignal): Promise<User | null> => {
    const id = await unanswered.retake(usedBy);
    const account = id === null ? null : await users.findById(id);
    if (account?.status !== 'active' || account.passwordHash === null) return null;
    return (await hasher.verify(account.passwordHash, password, signal)) ? toUser(account) : null;
  };
