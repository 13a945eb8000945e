import type { UserRecord, Users } from '../storage/users.ts';
import { isDomainError } from '../core/errors.ts';
import { parseEmail, readUsername } from './identifiers.ts';

/** ASCII and full-width at signs. */
const AT_SIGN = /[@＠]/u;

/** The key from `parse`, or null for an impossible name. */
function keyOf(parse: () => string): string | null {
  try {
    return parse();
  } catch (error) {
    if (isDomainError(error)) return null;
    throw error;
  }
}

/** The key of an email address as typed, or null. */
export const emailKeyOf = (value: string): string | null => keyOf(() => parseEmail(value.trim()).emailKey);

/** The key of a username as typed, or null. */
export const usernameKeyOf = (value: string): string | null => keyOf(() => readUsername(value).usernameKey);

/** The subject that guesses are counted by, whichever name was used. */
export const subjectOf = ({ id }: Pick<UserRecord, 'id'>): string => `id:${id}`;

/**
 * Finds the account that the input names.
 * @param input unchecked: an `identifier` with an `@` is an email address, any other a username.
 * @returns the account, if there is one, and the subject that guesses are counted by: the account, so that all its names share
 *   one count, otherwise the typed name.
 */
export async function lookUp(
  users: Users,
  input: { identifier: unknown } | { email: unknown },
): Promise<{ subject: string; account: UserRecord | null }> {
  const value = 'email' in input ? input.email : input.identifier;
  if (typeof value !== 'string') return { subject: 'nobody', account: null };
  const isEmail = 'email' in input || AT_SIGN.test(value);
  const key = isEmail ? emailKeyOf(value) : usernameKeyOf(value);
  if (key === null) return { subject: 'nobody', account: null };
  const account = await (isEmail ? users.findByEmailKey(key) : users.findByUsernameKey(key));
  const name = `${isEmail ? 'email' : 'username'}:${key}`;
  return { subject: account ? subjectOf(account) : name, account };
}
