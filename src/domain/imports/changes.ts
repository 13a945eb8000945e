import { isDeepStrictEqual } from 'node:util';
import type { Known } from '../../storage/imports.ts';
import type { UserChanges, UserRecord } from '../../storage/users.ts';
import type { Present } from './conflicts.ts';
import { type Candidate, sha256 } from './preparation.ts';
import { Refused } from './problems.ts';

/** An existing account that a record updates. */
interface Update {
  candidate: Candidate;
  /** Null for an account from elsewhere. */
  known: Known | null;
  account: UserRecord;
  present: Present;
}

/** The source's current password, if the account still has the one that came from there. */
function newPassword(candidate: Candidate, known: Known, account: UserRecord): UserChanges {
  const { passwordHash, passwordChangedAt } = candidate.user;
  const present = account.passwordHash === null ? null : sha256(account.passwordHash);
  const isTheirs = present === known.passwordDigest && (present !== null || account.securityVersion === 0);
  const isNew = passwordHash !== null && sha256(passwordHash) !== known.passwordDigest;
  return isTheirs && isNew ? { passwordHash, passwordChangedAt } : {};
}

/** The changes of an update. For an account from elsewhere: only the profile, no credentials. */
export async function changesOf(
  { candidate, known, account, present }: Update,
  isPrivileged: (role: string) => Promise<boolean>,
): Promise<UserChanges> {
  const { record, user } = candidate;
  const roles = [...new Set([...account.roles, ...user.roles])];
  const attributes = { ...account.attributes, ...user.attributes };
  const shared: UserChanges = {
    ...record.profile,
    ...(roles.length > account.roles.length && { roles }),
    ...(!isDeepStrictEqual(attributes, account.attributes) && { attributes }),
  };
  if (!known) return shared;
  const isFree = (holder: { id: string } | undefined) => holder === undefined || holder.id === account.id;
  const changes: UserChanges = { ...shared, ...newPassword(candidate, known, account) };
  if (record.email) {
    const isSame = user.emailKey === account.emailKey;
    if (!isSame && (!isFree(present.emails.get(user.emailKey)) || present.reserved.has(user.emailKey)))
      throw new Refused('duplicate_email', `another account has the address ${JSON.stringify(user.email)}`);
    const { emailVerifiedAt, ownerProvenAt } = user;
    if (!isSame) Object.assign(changes, record.email, { emailVerifiedAt, ownerProvenAt, movedFrom: null });
    else if (account.emailVerifiedAt === null && emailVerifiedAt !== null && account.securityVersion === 0)
      Object.assign(changes, { emailVerifiedAt, ownerProvenAt });
  }
  if (record.username && record.username.usernameKey !== account.usernameKey) {
    if (!isFree(present.usernames.get(record.username.usernameKey)))
      throw new Refused(
        'duplicate_username',
        `another account has the username ${JSON.stringify(record.username.username)}`,
      );
    Object.assign(changes, record.username);
  }
  // The source must not decide who is an operator here.
  const roleNames = [...account.roles, ...account.groupRoles];
  const isOperator = (await Promise.all(roleNames.map(isPrivileged))).includes(true);
  if (record.status !== account.status && account.status !== 'deleted' && !isOperator)
    changes.status = record.status;
  return changes;
}
