import { domainToASCII, domainToUnicode } from 'node:url';
import { narrow, type TextForm } from './text.ts';

/** An email address in its forms. */
export interface EmailAddress {
  /** As typed, with full-width signs made ordinary, accents composed and an international domain in lower case. */
  address: string;
  /** With the domain in A-labels, as DNS and RFC 5322 have it. */
  ascii: string;
  /** What every spelling of the address has in common. */
  key: string;
}

/** Where the addresses of accounts are that have none; `invalid` never is a domain (RFC 2606). */
const PLACEHOLDER = '@placeholder.invalid';

/** The address of an account that has none. */
export const placeholderAddress = (id: string): string => `${id}${PLACEHOLDER}`;

/** Whether `address` is such a one: nothing is sent there, and nobody is told of it. */
export const isPlaceholder = (address: string): boolean => address.toLowerCase().endsWith(PLACEHOLDER);

/** Octets of a local part and of the whole (RFC 5321 section 4.5.3.1; RFC 3696 erratum 1690). */
const LONGEST_LOCAL = 64;
const LONGEST = 254;

/** RFC 5321's dot-atom, with the letters and digits of every language (RFC 6531 section 3.3, RFC 8265 section 3.3). */
const LOCAL = /^[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
/** Nothing that a URL's parser takes for more than a host (RFC 5891's code points are among these, with their dots). */
const INTERNATIONAL = /^[\p{L}\p{M}\p{N}\p{S}\p{Join_Control}。.-]+$/u;
const DOMAIN = /^(?:[a-z\d][a-z\d-]{0,62}\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])$/;
const ASCII = /^[\x21-\x7e]+$/;

const ASCII_DOMAIN = DOMAIN.source.slice(1, -1).replaceAll('a-z', 'A-Za-z');
const LABEL = String.raw`[\p{L}\p{M}\p{N}\p{S}\p{Join_Control}-]{1,63}`;
const INTERNATIONAL_DOMAIN = `(?=.*[^\\x21-\\x7e])(?:${LABEL}[。.])+${LABEL}`;

/** An address with ordinary signs. Full-width ones are read too, as people type them. */
export const EMAIL_FORM: TextForm = {
  format: 'idn-email',
  maxLength: LONGEST,
  pattern: `^(?=[^@]{1,${LONGEST_LOCAL}}@)${LOCAL.source.slice(1, -1)}@(?:${ASCII_DOMAIN}|${INTERNATIONAL_DOMAIN})$`,
  examples: ['jane.doe@example.com'],
};

const octets = (text: string): number => Buffer.byteLength(text);

/** A domain as it is shown, and in lower-case A-labels (UTS #46); null for what is none. */
function readDomain(input: string): { shown: string; ascii: string } | null {
  // What is ASCII is compared as it is, so that a domain with a wrong A-label keeps the key that it always had.
  const isAscii = ASCII.test(input);
  const ascii = isAscii ? input.toLowerCase() : INTERNATIONAL.test(input) ? domainToASCII(input) : '';
  return DOMAIN.test(ascii) ? { shown: isAscii ? input : domainToUnicode(ascii), ascii } : null;
}

/**
 * Reads an email address (RFC 5321 without quoting and without address literals), international in both parts (RFC 6531,
 * RFC 5890). Case is ignored in both, because no provider in use tells it apart.
 * @returns null for what is none.
 */
export function readEmailAddress(input: string): EmailAddress | null {
  // The raw length first: what follows normalises.
  if (input.length > LONGEST) return null;
  const text = narrow(input).normalize('NFC');
  const at = text.indexOf('@');
  const local = text.slice(0, at);
  const domain = readDomain(text.slice(at + 1));
  if (at === -1 || domain === null) return null;
  if (!LOCAL.test(local) || INVISIBLE.test(local) || octets(local) > LONGEST_LOCAL) return null;
  // A ligature or a superscript looks like another mailbox of the domain, and must not have its key.
  if (local !== local.normalize('NFKC')) return null;
  const ascii = `${local}@${domain.ascii}`;
  if (octets(ascii) > LONGEST) return null;
  const key = `${local.toLowerCase().normalize('NFC')}@${domain.ascii}`;
  return { address: `${local}@${domain.shown}`, ascii, key };
}
