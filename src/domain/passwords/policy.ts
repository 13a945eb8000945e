import type { Settings } from '../../config/index.ts';
import { DomainError } from '../../core/errors.ts';
import { codePoints, foldCase } from '../identifiers.ts';

/** Names of the account, which its password must not contain. */
export interface OwnNames {
  username?: string | null | undefined;
  email?: string | null | undefined;
  name?: string | null | undefined;
  givenName?: string | null | undefined;
  familyName?: string | null | undefined;
}

type PasswordWeakness = 'invalid_characters' | 'too_short' | 'too_long' | 'contains_name' | 'common';

export interface PasswordPolicy {
  /**
   * @throws DomainError weak_password, its reason invalid_characters, too_short, too_long, contains_name or common.
   */
  check(password: string, names: OwnNames): Promise<void>;
}

/** Each name and each of its words, folded, longest first; without the domain of an email address. */
function wordsOf({ username, email, name, givenName, familyName }: OwnNames): string[] {
  const names = [username, email?.split('@')[0], name, givenName, familyName];
  const folded = names.flatMap((value) => (value ? [foldCase(value)] : []));
  const words = folded.flatMap((value) => [value, ...value.split(/[^\p{L}\p{M}\p{N}]+/u)]);
  return [...new Set(words)].filter((word) => codePoints(word) >= 3).sort((a, b) => b.length - a.length);
}

/**
 * Rules for new passwords, after NIST SP 800-63B section 5.1.1.2: long enough, in code points of any Unicode; no composition
 * rules; none of the 50,000 most common passwords; and what remains without the account's own names must meet the same rules.
 */
export function createPasswordPolicy({
  minLength,
  maxLength,
}: Pick<Settings['passwords'], 'minLength' | 'maxLength'>): PasswordPolicy {
  let list: Promise<Set<string>> | undefined;
  /** The unpacked list takes 20 MB: a process that sets no password never loads it. */
  const load = async () => {
    const { dictionary } = await import('@zxcvbn-ts/language-common');
    return new Set(dictionary['passwords-common'].filter((entry) => entry.length >= minLength));
  };
  const isCommon = async (folded: string) => (await (list ??= load())).has(folded);

  const weakness = async (password: string, names: OwnNames): Promise<PasswordWeakness | null> => {
    // A code point has at most two UTF-16 units. Check before normalizing.
    if (password.length > 2 * maxLength) return 'too_long';
    if (!password.isWellFormed() || password.includes('\0')) return 'invalid_characters';
    const folded = foldCase(password);
    // Count before decomposition: U+FDFA alone becomes eighteen code points.
    if (Math.min(codePoints(password), codePoints(password.normalize('NFKC'))) < minLength)
      return 'too_short';
    if (codePoints(password) > maxLength) return 'too_long';
    const rest = wordsOf(names).reduce((left, word) => left.replaceAll(word, ''), folded);
    if (rest !== folded && (codePoints(rest) < minLength || (await isCommon(rest)))) return 'contains_name';
    return (await isCommon(folded)) ? 'common' : null;
  };

  return {
    async check(password, names) {
      const reason = await weakness(password, names);
      if (reason !== null) throw new DomainError('weak_password', { field: 'password', reason });
    },
  };
}
