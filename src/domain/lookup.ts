import type { UserRecord, Users } from '../storage/users.ts';
import { isDomainError } from '../kernel/errors.ts';
import { parseEmail, parseUsername } from './identifiers.ts';

/** As typed with a Latin keyboard or a Chinese, Japanese or Korean one. */
const AT_SIGN = /[@＠]/u;

/** The key that `parse` finds, or null for what no account can be called. */
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
export const usernameKeyOf = (value: string): string | null =>
  keyOf(() => parseUsername(value.trim()).usernameKey);

/** All that guesses at an account are counted under: its names, and itself where it is signed in. */
export const subjectsOf = ({
  id,
  email,
  username,
}: Pick<UserRecord, 'id' | 'email' | 'username'>): string[] => [
  `email:${emailKeyOf(email)}`,
  ...(username === null ? [] : [`username:${usernameKeyOf(username)}`]),
  `id:${id}`,
];

/**
 * Whom somebody means.
 * @param typed unchecked: an `identifier` with an `@` is an email address, any other a username.
 * @returns the account, if there is one, and the subject that guesses at it are counted under: the typed name, not the
 *   account, so that locking one name of an account does not show in another.
 */
export async function lookUp(
  users: Users,
  typed: { identifier: unknown } | { email: unknown },
): Promise<{ subject: string; account: UserRecord | null }> {
  const value = 'email' in typed ? typed.email : typed.identifier;
  if (typeof value === 'string') {
    if ('email' in typed || AT_SIGN.test(value)) {
      const key = emailKeyOf(value);
      if (key !== null) return { subject: `email:${key}`, account: await users.findByEmailKey(key) };
    } else {
      const key = usernameKeyOf(value);
      if (key !== null) return { subject: `username:${key}`, account: await users.findByUsernameKey(key) };
    }
  }
  return { subject: 'nobody', account: null };
}
