import { isEmailVerified } from '../domain/ownership/address.ts';
import type { Accounts, User } from '../domain/users/index.ts';
import { DomainError } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { UsageError } from './failure.ts';
import type { Report } from './report.ts';
import type { Operator } from './session.ts';

/** An account as scripts get it. */
export const userJson = (user: User) => ({
  id: user.id,
  number: user.number,
  username: user.username,
  email: user.email,
  email_verified: isEmailVerified(user),
  name: user.name,
  // Keep the order that scripts know: `user`, which everybody has, comes first.
  roles: user.roles.toSorted((a, b) => Number(b === 'user') - Number(a === 'user')),
  status: user.status,
  created_at: user.createdAt.toISOString(),
  last_login_at: user.lastLoginAt?.toISOString() ?? null,
});

export const nameOf = (user: User): string => `${user.username ?? user.email} (${user.id})`;

/** Says what was done to an account. */
export const told = (user: User, what: string, more: Record<string, unknown> = {}): Report => ({
  json: { ...userJson(user), ...more },
  text: `${what} ${nameOf(user)}.`,
});

/**
 * Finds the account that an operator names by UUID, number, email address or username.
 * @throws DomainError user_not_found, UsageError when several match.
 */
export async function meant(accounts: Accounts, name: string): Promise<User> {
  const found = await Promise.all([
    isUuid(name) ? accounts.find(name) : null,
    /^\d{1,9}$/.test(name) ? accounts.findByNumber(Number(name)) : null,
    accounts.findByEmail(name),
    accounts.findByUsername(name),
  ]);
  const users = new Map(found.flatMap((user) => (user ? [[user.id, user]] : [])));
  if (users.size > 1) throw new UsageError(`"${name}" matches ${users.size} accounts; use an id.`);
  const [user] = users.values();
  if (!user) throw new DomainError('user_not_found');
  return user;
}

/** Runs `work` with the account that the operator names. */
export async function withUser<T>(
  name: string,
  work: (user: User, operator: Operator) => Promise<T>,
): Promise<T> {
  const { withCore } = await import('./session.ts');
  return withCore(async (operator) => work(await meant(operator.accounts, name), operator));
}
