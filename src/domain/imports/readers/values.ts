/** Parsers for values as other programs write them. */
import type { RawRecord } from '../record.ts';

/** Wrong options of an import: nothing is read. */
export class ImportUsage extends Error {}

const TRUE = /^(true|t|yes|y|1|on)$/i;
const FALSE = /^(false|f|no|n|0|off)$/i;

/** Parses a flag; undefined when it is none. */
export function flagOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  return TRUE.test(text.trim()) ? true : FALSE.test(text.trim()) ? false : undefined;
}

const SQL_TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)) ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i;
const COMPACT = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:[.,]\d+)?Z$/;
const EPOCH = /^\d{9,10}(?:\.\d+)?$/;
const EPOCH_MS = /^\d{11,13}$/;

/**
 * Converts a time to RFC 3339 from the forms that databases and programs write: SQL with or without a zone (UTC then), ISO 8601, GeneralizedTime
 * (RFC 4517), seconds or milliseconds since 1970. Anything else is returned unchanged and fails validation.
 */
export function timeOf(value: unknown): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return value ?? undefined;
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.startsWith('0000-00-00')) return undefined;
  if (EPOCH.test(trimmed)) return new Date(Number(trimmed) * 1000).toISOString();
  if (EPOCH_MS.test(trimmed)) return new Date(Number(trimmed)).toISOString();
  const compact = COMPACT.exec(trimmed);
  if (compact) {
    const [, year, month, day, hour, minute, second] = compact;
    return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
  }
  if (/^\d{4}-\d{2}-\d{2}$/.test(trimmed)) return `${trimmed}T00:00:00Z`;
  const sql = SQL_TIME.exec(trimmed);
  if (!sql) return trimmed;
  const [, date, clock = '', zone = 'Z'] = sql;
  const seconds = clock.length === 5 ? `${clock}:00` : clock.replace(',', '.');
  const offset = /^(z|utc)$/i.test(zone)
    ? 'Z'
    : zone.length === 3
      ? `${zone}:00`
      : zone.replace(/(\d{2})(\d{2})$/, '$1:$2');
  return `${date}T${seconds}${offset.replace('::', ':')}`;
}

/** The text of a value that may be empty; undefined for an empty one. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/** A valid name for an account: programs store anything there, and an import must not fail for it. */
export function nameOf(value: unknown): string | undefined {
  const text = textOf(value)
    ?.normalize('NFC')
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim();
  return text === undefined || text === '' ? undefined : text;
}

/** A language tag; undefined when it is none. Accepts `en_US`. */
export function localeOf(value: unknown): string | undefined {
  const text = textOf(value)?.trim().replaceAll('_', '-');
  if (text === undefined || text.length > 35) return undefined;
  try {
    return Intl.getCanonicalLocales(text)[0];
  } catch {
    return undefined;
  }
}

/** Parses JSON in a string; returns other values unchanged; undefined for malformed JSON. */
export function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? undefined;
  if (value.trim() === '') return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object in a value, or an empty one. */
export function objectOf(value: unknown): Record<string, unknown> {
  const read = jsonOf(value);
  return isRecord(read) ? read : {};
}

export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Removes undefined, null and empty objects. */
export function withoutEmpty(record: RawRecord): RawRecord {
  return Object.fromEntries(
    Object.entries(record).filter(
      ([, value]) =>
        value !== undefined &&
        value !== null &&
        !(Array.isArray(value) && value.length === 0) &&
        !(isRecord(value) && Object.keys(value).length === 0),
    ),
  );
}

/** Base32 (RFC 4648) of bytes. */
export function base32(bytes: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('');
}
