import type { Unanswered } from '../../storage/redemptions.ts';
import type { Users } from '../../storage/users.ts';
import { toUser, type User } from '../users/user.ts';
import type { PasswordHasher } from './hasher.ts';

interface Dependencies {
  users: Pick<Users, 'findById'>;
  unanswered: Pick<Unanswered, 'retake'>;
  hasher: Pick<PasswordHasher, 'verify'>;
}

/**
 * The account whose password was set by a link, and to this one, for a request whose reply was not sent.
 * @param usedBy what the link's use was noted as.
 * @param signal aborts when the caller has gone.
 * @throws DomainError overloaded, unavailable.
 */
export const createPasswordSetBefore =
  ({ users, unanswered, hasher }: Dependencies) =>
  async (usedBy: string, password: string, signal?: AbortSignal): Promise<User | null> => {
    const id = await unanswered.retake(usedBy);
    const account = id === null ? null : await users.findById(id);
    if (account?.status !== 'active' || account.passwordHash === null) return null;
    return (await hasher.verify(account.passwordHash, password, signal)) ? toUser(account) : null;
  };
