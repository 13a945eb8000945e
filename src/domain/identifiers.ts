import { readEmailAddress } from '../core/email-address.ts';
import { DomainError } from '../core/errors.ts';
import { foldCase, type TextForm } from '../core/text.ts';

export { foldCase };

const USERNAME = /^[\p{L}\p{Nd}][\p{L}\p{M}\p{Nd}._-]*$/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
const SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Greek}/u, /\p{Script=Cyrillic}/u];
/** Controls, lone surrogates, line separators and characters that change the writing direction. */
export const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** Patterns for any other character, and for one line of them that is not blank. */
export const PRINTABLE = UNPRINTABLE.source.replace('[', '[^');
export const LINE = String.raw`^(?=.*\S)${PRINTABLE}+$`;

/** The length as a person sees it: code points, not UTF-16 units. */
export const codePoints = (value: string): number => Array.from(value).length;

/**
 * Whether a text has more UTF-16 units than `characters` composed ones can take: a letter with all its marks has four. Check it
 * before normalizing, because sorting marks takes time quadratic in their number.
 */
export const isLongerThan = (value: string, characters: number): boolean => value.length > 4 * characters;

const MIN_USERNAME_LENGTH = 3;
const MAX_LENGTHS = { username: 64, name: 200, locale: 35 };

export const USERNAME_FORM: TextForm = {
  minLength: MIN_USERNAME_LENGTH,
  maxLength: MAX_LENGTHS.username,
  pattern: `^(?!.*${INVISIBLE.source})${USERNAME.source.slice(1)}`,
  examples: ['jane.doe'],
};
export const NAME_FORM: TextForm = {
  minLength: 1,
  maxLength: MAX_LENGTHS.name,
  pattern: LINE,
  examples: ['Jane Doe'],
};
/** Language, script, region, variants, extensions, private use (RFC 5646 section 2.1). */
export const LOCALE_FORM: TextForm = {
  maxLength: MAX_LENGTHS.locale,
  pattern: String.raw`^(?:[A-Za-z]{2,3}|[A-Za-z]{5,8})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|\d{3}))?(?:-(?:[A-Za-z\d]{5,8}|\d[A-Za-z\d]{3}))*(?:-[A-WYZa-wyz\d](?:-[A-Za-z\d]{2,8})+)*(?:-[Xx](?:-[A-Za-z\d]{1,8})+)?$`,
  examples: ['de', 'pt-BR'],
};

function usernameProblem(username: string): string | null {
  const length = codePoints(username);
  if (length < MIN_USERNAME_LENGTH) return 'too_short';
  if (length > MAX_LENGTHS.username) return 'too_long';
  if (!USERNAME.test(username) || INVISIBLE.test(username)) return 'invalid_characters';
  // Most lookalikes (раypal for paypal) need two of these three. Words wholly of lookalikes remain possible.
  return SCRIPTS.filter((script) => script.test(username)).length > 1 ? 'mixed_scripts' : null;
}

/**
 * A username: 3 to 64 letters, digits and . _ - of any language, starting with a letter or digit. Never an `@`, so that "email
 * or username" has one meaning.
 * @returns the display form (NFKC), and the key for uniqueness.
 * @throws DomainError invalid_username with the reason too_short, too_long, invalid_characters or mixed_scripts.
 */
export function parseUsername(value: string): { username: string; usernameKey: string } {
  const isLong = isLongerThan(value, MAX_LENGTHS.username);
  const username = isLong ? '' : value.normalize('NFKC');
  const reason = isLong ? 'too_long' : usernameProblem(username);
  if (reason !== null) throw new DomainError('invalid_username', { field: 'username', reason });
  return { username, usernameKey: foldCase(username) };
}

/** The longest username that an account may bring from another service. */
const MAX_IMPORTED_USERNAME_LENGTH = 255;

/**
 * A username that an account may have, including those from other services: 1 to 255 printable characters, never an `@`.
 * `parseUsername` reads new ones.
 * @returns as that does.
 * @throws DomainError invalid_username with the reason too_short, too_long or invalid_characters.
 */
export function readUsername(value: string): { username: string; usernameKey: string } {
  const isLong = isLongerThan(value, MAX_IMPORTED_USERNAME_LENGTH);
  const username = isLong ? '' : value.trim().normalize('NFKC');
  const reason =
    isLong || codePoints(username) > MAX_IMPORTED_USERNAME_LENGTH
      ? 'too_long'
      : username === ''
        ? 'too_short'
        : UNPRINTABLE.test(username) || username.includes('@')
          ? 'invalid_characters'
          : null;
  if (reason !== null) throw new DomainError('invalid_username', { field: 'username', reason });
  return { username, usernameKey: foldCase(username) };
}

/**
 * An email address.
 * @returns it as typed except for width and composition, and the key for uniqueness (`readEmailAddress`).
 * @throws DomainError invalid_email.
 */
export function parseEmail(value: string): { email: string; emailKey: string } {
  const read = readEmailAddress(value);
  if (!read) throw new DomainError('invalid_email', { field: 'email' });
  return { email: read.address, emailKey: read.key };
}

/**
 * A name of a person or a thing: 1 to `longest` printable characters.
 * @returns it in NFC.
 * @throws DomainError invalid_request with `field`.
 */
export function parseName(field: string, value: string, maxLength = MAX_LENGTHS.name): string {
  const name = isLongerThan(value, maxLength) ? '' : value.normalize('NFC');
  if (name.trim() === '' || codePoints(name) > maxLength || UNPRINTABLE.test(name)) {
    throw new DomainError('invalid_request', { field });
  }
  return name;
}

/**
 * A language tag (BCP 47).
 * @returns it in canonical form. @throws DomainError invalid_request with `field`.
 */
export function parseLocale(field: string, value: string): string {
  try {
    const [locale] = value.length <= MAX_LENGTHS.locale ? Intl.getCanonicalLocales(value) : [];
    if (locale !== undefined) return locale;
  } catch {
    // Not a language tag: answer as for one that is too long.
  }
  throw new DomainError('invalid_request', { field });
}
