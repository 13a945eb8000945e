/** Turns what sources report about an account into an import record. */
import type { AccountPlaces } from '../../config/index.ts';
import { MAX_USER_NUMBER } from '../../storage/users.ts';
import { type RawRecord, RECORD_FIELDS } from '../imports/record.ts';
import { SourceError } from './source.ts';

type Content = Record<string, unknown>;

export const isContent = (value: unknown): value is Content =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a path like `user.roles.0`; undefined when missing. */
export const valueAt = (content: unknown, place: string): unknown =>
  place
    .split('.')
    .reduce<unknown>(
      (part, name) =>
        typeof part === 'object' && part !== null && Object.hasOwn(part, name)
          ? (part as Content)[name]
          : undefined,
      content,
    );

const isThere = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

const text = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' && Number.isFinite(value)
      ? String(value)
      : undefined;

/** Booleans as services write them. */
function flag(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 1 || /^(?:1|true|t|yes|y)$/i.test(text(value) ?? '')) return true;
  return value === 0 || /^(?:0|false|f|no|n)$/i.test(text(value) ?? '') ? false : undefined;
}

/** An account is active unless a flag says otherwise, whatever the flag's name. */
const status = (value: unknown): string =>
  flag(value) === false || /^(?:suspended|disabled|blocked|banned|locked|inactive)$/i.test(text(value) ?? '')
    ? 'suspended'
    : 'active';

/** A name, or an object with one. */
const nameOf = (value: unknown): string | undefined => text(isContent(value) ? value['name'] : value);

const names = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).flatMap((one: unknown) => nameOf(one) ?? []).filter(isThere);

/** A time: seconds or milliseconds since the epoch, or a text, in UTC unless it has a zone. */
function moment(value: unknown): string | undefined {
  const at =
    value instanceof Date
      ? value
      : typeof value === 'number'
        ? new Date(value < 1e11 ? value * 1000 : value)
        : typeof value === 'string'
          ? new Date(/T[\d:.]+$/.test(value) ? `${value}Z` : value)
          : null;
  return at && !Number.isNaN(at.getTime()) && at.getTime() > 0 ? at.toISOString() : undefined;
}

const READ: Partial<Record<string, (value: unknown) => unknown>> = {
  // A number that JSON could not hold is refused with the record.
  source_id: (value) => (typeof value === 'number' ? value : text(value)),
  number: (value) => (typeof value === 'number' ? value : text(value)),
  email_verified: flag,
  status,
  roles: names,
  groups: names,
  created_at: moment,
  last_login_at: moment,
};

/** The number that belongs to a source's id, if the id is one. */
const numberOf = (id: unknown): number | undefined => {
  const number = /^[1-9]\d{0,9}$/.test(String(id)) ? Number(id) : Infinity;
  return number <= MAX_USER_NUMBER ? number : undefined;
};

/**
 * The record of a reply. Unusable values are left out, except the id.
 * @returns null when there is no id: the reply has no account.
 */
export function recordAt(
  content: unknown,
  { attributes = {}, ...places }: AccountPlaces,
  valueOf: (content: unknown, place: string) => unknown = valueAt,
): RawRecord | null {
  const record: RawRecord = {};
  for (const [field, place] of Object.entries(places)) {
    const value = place === undefined ? undefined : valueOf(content, place);
    const read = isThere(value) ? (READ[field] ?? text)(value) : undefined;
    if (isThere(read)) record[field] = read;
  }
  if (record['source_id'] === undefined) return null;
  record['number'] ??= numberOf(record['source_id']);
  const others = Object.entries(attributes).flatMap(([name, place]) => {
    const value = valueOf(content, place);
    return isThere(value) ? [[name, value] as const] : [];
  });
  if (others.length > 0) record['attributes'] = Object.fromEntries(others);
  return record;
}

/** Secrets in a row never become part of an account. */
const NEVER = /^(?:password_|totp|recovery_codes|identities|source$)/;

/** Columns named like fields, and those that `places` names. */
export function placesOfRow(row: Content, places: AccountPlaces): AccountPlaces {
  const fields = Object.keys(row).filter(
    (name) => RECORD_FIELDS.has(name) && !NEVER.test(name) && name !== 'attributes' && name !== 'id',
  );
  const id = 'source_id' in row ? 'source_id' : 'id';
  return { source_id: id, ...Object.fromEntries(fields.map((name) => [name, name])), ...places };
}

/** @throws SourceError. */
export function nonsense(message: string): never {
  throw new SourceError('nonsense', message);
}
