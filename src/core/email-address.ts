import { domainToASCII, domainToUnicode } from 'node:url';
import { narrow, type TextForm } from './text.ts';

/** An email address in its normalized forms. */
export interface EmailAddress {
  /** For display: as typed, with full-width characters narrowed, accents composed and the domain in lower case. */
  address: string;
  /** For sending: the domain in A-labels (DNS, RFC 5322). */
  ascii: string;
  /** The key that all spellings of the address share. */
  key: string;
}

/** The domain of placeholder addresses. `invalid` is never a real domain (RFC 2606). */
const PLACEHOLDER = '@placeholder.invalid';

/** The placeholder address of an account without one. */
export const placeholderAddress = (id: string): string => `${id}${PLACEHOLDER}`;

/** Whether `address` is a placeholder: never send to it, never show it. */
export const isPlaceholder = (address: string): boolean => address.toLowerCase().endsWith(PLACEHOLDER);

/** Maximum octets of the local part and of the whole address (RFC 5321 section 4.5.3.1; RFC 3696 erratum 1690). */
const MAX_LOCAL_PART = 64;
const MAX_ADDRESS = 254;

/** RFC 5321's dot-atom, with the letters and digits of every language (RFC 6531 section 3.3, RFC 8265 section 3.3). */
const LOCAL = /^[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{Nd}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
/**
 * Reject anything that a URL parser treats as more than a host. What remains includes every code point that RFC 5891
 * allows, and its dots.
 */
const INTERNATIONAL = /^[\p{L}\p{M}\p{N}\p{S}\p{Join_Control}。.-]+$/u;
const DOMAIN = /^(?:[a-z\d][a-z\d-]{0,62}\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])$/;
const ASCII = /^[\x21-\x7e]+$/;

const ASCII_DOMAIN = DOMAIN.source.slice(1, -1).replaceAll('a-z', 'A-Za-z');
const LABEL = String.raw`[\p{L}\p{M}\p{N}\p{S}\p{Join_Control}-]{1,63}`;
const INTERNATIONAL_DOMAIN = `(?=.*[^\\x21-\\x7e])(?:${LABEL}[。.])+${LABEL}`;

/** Narrows full-width characters, as some keyboards type them. */
export const EMAIL_FORM: TextForm = {
  format: 'idn-email',
  maxLength: MAX_ADDRESS,
  pattern: `^(?=[^@]{1,${MAX_LOCAL_PART}}@)${LOCAL.source.slice(1, -1)}@(?:${ASCII_DOMAIN}|${INTERNATIONAL_DOMAIN})$`,
  examples: ['jane.doe@example.com'],
};

const octets = (text: string): number => Buffer.byteLength(text);

/** A domain for display, and in lower-case A-labels (UTS #46). Null when invalid. */
function readDomain(input: string): { shown: string; ascii: string } | null {
  // Keep ASCII domains unchanged, so that a domain with an invalid A-label keeps its key.
  const isAscii = ASCII.test(input);
  const ascii = isAscii ? input.toLowerCase() : INTERNATIONAL.test(input) ? domainToASCII(input) : '';
  return DOMAIN.test(ascii) ? { shown: isAscii ? input : domainToUnicode(ascii), ascii } : null;
}

/**
 * Reads an email address (RFC 5321 without quoting and without address literals), international in both parts (RFC 6531,
 * RFC 5890). Ignores case in both parts, because no provider in use distinguishes it. @returns null when invalid.
 */
export function readEmailAddress(input: string): EmailAddress | null {
  // Check the raw length before normalization.
  if (input.length > MAX_ADDRESS) return null;
  const text = narrow(input).normalize('NFC');
  const at = text.indexOf('@');
  const local = text.slice(0, at);
  const domain = readDomain(text.slice(at + 1));
  if (at === -1 || domain === null) return null;
  if (!LOCAL.test(local) || INVISIBLE.test(local) || octets(local) > MAX_LOCAL_PART) return null;
  // A ligature or superscript looks like another mailbox and must not share its key.
  if (local !== local.normalize('NFKC')) return null;
  const ascii = `${local}@${domain.ascii}`;
  if (octets(ascii) > MAX_ADDRESS) return null;
  const key = `${local.toLowerCase().normalize('NFC')}@${domain.ascii}`;
  return { address: `${local}@${domain.shown}`, ascii, key };
}
