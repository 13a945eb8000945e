import { DomainError } from '../../core/errors.ts';
import { narrow, type TextForm } from '../../core/text.ts';
import type { PostalAddress } from '../../storage/users.ts';
import { codePoints, isLongerThan, LINE, PRINTABLE, UNPRINTABLE } from '../identifiers.ts';

/** Code points. */
const MAX_LENGTHS = { shortLine: 60, line: 200 };
const MAX_URL_LENGTH = 2048;
/** Maximum length of formatted values, before spaces are removed. */
const MAX_FORMATTED_LENGTH = 64;
/** Lines of a street, and its length with line ends. */
const LINES = 4;
const MAX_STREET_LENGTH = LINES * (MAX_LENGTHS.line + 2);

export const SHORT_LINE_FORM: TextForm = {
  minLength: 1,
  maxLength: MAX_LENGTHS.shortLine,
  pattern: LINE,
  examples: ['a few words'],
};
export const URL_FORM: TextForm = {
  format: 'iri',
  maxLength: MAX_URL_LENGTH,
  pattern: String.raw`^[Hh][Tt][Tt][Pp][Ss]:[^\s\p{Cc}]+$`,
  examples: ['https://example.com/jane'],
};
/** Accept full-width characters, here and below, as people type them. */
export const BIRTHDATE_FORM: TextForm = {
  maxLength: MAX_FORMATTED_LENGTH,
  pattern: String.raw`^\s*\d{4}(?:-\d{2}-\d{2})?\s*$`,
  examples: ['1990-05-17', '0000-05-17', '1990'],
};
export const PHONE_NUMBER_FORM: TextForm = {
  maxLength: MAX_FORMATTED_LENGTH,
  pattern: String.raw`^[\s().\p{Pd}/]*\+[\s().\p{Pd}/]*[1-9](?:[\s().\p{Pd}/]*\d){6,14}[\s().\p{Pd}/]*$`,
  examples: ['+49 30 123456'],
};
/** One line of an address; an empty one removes the part. */
export const ADDRESS_LINE_FORM: TextForm = {
  maxLength: MAX_LENGTHS.line,
  pattern: String.raw`^(?:${PRINTABLE}*|\s*)$`,
  examples: ['Springfield'],
};
export const STREET_FORM: TextForm = {
  maxLength: MAX_STREET_LENGTH,
  pattern: String.raw`^(?![\s\S]*[^\r\n]{${MAX_LENGTHS.line + 1}})(?:(?:${PRINTABLE}|\r?\n)*|\s*)$`,
  examples: ['742 Evergreen Terrace\nApartment 3'],
};

/** A postal address as given: the street may have several lines, null removes a part. */
export type AddressParts = { [Part in keyof PostalAddress]?: string | null | undefined };

const refuse = (field: string): never => {
  throw new DomainError('invalid_request', { field });
};

/** One printable line, in NFC. */
function parseLine(field: string, value: string, maxLength: number): string {
  if (isLongerThan(value, maxLength)) refuse(field);
  const line = value.normalize('NFC');
  const isFit = line.trim() !== '' && codePoints(line) <= maxLength && !UNPRINTABLE.test(line);
  return isFit ? line.trim() : refuse(field);
}

/** A few words in one line. @throws DomainError invalid_request with `field`. */
export const parseShortLine = (field: string, value: string): string =>
  parseLine(field, value, MAX_LENGTHS.shortLine);

/** An https address without credentials, as typed. @throws DomainError invalid_request with `field`. */
export function parseUrl(field: string, value: string): string {
  const url = value.length > MAX_URL_LENGTH ? null : URL.parse(value);
  const isFit = url?.protocol === 'https:' && url.username === '' && url.password === '';
  return isFit && !/[\s\p{Cc}]/u.test(value) ? value : refuse(field);
}

const DATE = /^(\d{4})(?:-(\d{2})-(\d{2}))?$/;
const DAY = 86_400_000;

/**
 * A date of birth (OpenID Connect Core section 5.1): YYYY-MM-DD, with the year 0000 when omitted, or YYYY.
 * @param now milliseconds since the epoch: nobody is born later, in any time zone.
 * @throws DomainError invalid_request with `field`.
 */
export function parseBirthdate(field: string, typed: string, now: number): string {
  const value = typed.length > MAX_FORMATTED_LENGTH ? '' : narrow(typed).trim();
  const [, year = '', month = '01', day = '01'] = DATE.exec(value) ?? [];
  // Without a year 29 February is valid, so check against a leap year.
  const date = `${year === '0000' && value !== year ? '2000' : year}-${month}-${day}`;
  const at = Date.parse(date);
  const isDate = date >= '1000' && !Number.isNaN(at) && new Date(at).toISOString().startsWith(date);
  return isDate && at < now + DAY ? value : refuse(field);
}

const ZONE = /^[A-Za-z][\w+-]*(?:\/[\w+-]+)*$/;

export const ZONEINFO_FORM: TextForm = {
  maxLength: MAX_FORMATTED_LENGTH,
  pattern: ZONE.source,
  examples: ['Europe/Berlin'],
};

/** Supported time zones. */
export const timeZones = (): readonly string[] => Intl.supportedValuesOf('timeZone');

/** A name of the time zone database, in its spelling. @throws DomainError invalid_request with `field`. */
export function parseZoneinfo(field: string, value: string): string {
  if (value.length > MAX_FORMATTED_LENGTH || !ZONE.test(value)) return refuse(field);
  const listed = timeZones().find((zone) => zone.toLowerCase() === value.toLowerCase());
  if (listed !== undefined) return listed;
  try {
    // An alias.
    Intl.DateTimeFormat('en', { timeZone: value });
    return value;
  } catch {
    return refuse(field);
  }
}

/**
 * A telephone number in E.164 form, without blanks and punctuation.
 * @throws DomainError invalid_request with `field`.
 */
export function parsePhoneNumber(field: string, typed: string): string {
  const number = typed.length > MAX_FORMATTED_LENGTH ? '' : narrow(typed).replaceAll(/[\s().\p{Pd}/]/gu, '');
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : refuse(field);
}

const PARTS = ['street_address', 'locality', 'region', 'postal_code', 'country'] as const;

/**
 * A postal address without empty parts.
 * @returns null when nothing is left.
 * @throws DomainError invalid_request with the invalid part as its field.
 */
export function parseAddress(parts: AddressParts): PostalAddress | null {
  const address: PostalAddress = {};
  for (const part of PARTS) {
    const value = parts[part] ?? '';
    const isStreet = part === 'street_address';
    const maxLength = isStreet ? MAX_STREET_LENGTH : MAX_LENGTHS.line;
    if (isLongerThan(value, maxLength) || codePoints(value.normalize('NFC')) > maxLength) refuse(part);
    const lines = (isStreet ? value.split(/\r?\n/) : [value]).filter((line) => line.trim() !== '');
    if (lines.length > LINES) refuse(part);
    if (lines.length > 0)
      address[part] = lines.map((line) => parseLine(part, line, MAX_LENGTHS.line)).join('\n');
  }
  return Object.keys(address).length > 0 ? address : null;
}
