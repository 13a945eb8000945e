/** Postern's own import format: the fields of an account, and their valid values. */
import { isDomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { NewTotp } from '../../storage/imports.ts';
import { MAX_USER_NUMBER, type PostalAddress, type UserChanges } from '../../storage/users.ts';
import { foldCase, parseEmail, parseName, readUsername, UNPRINTABLE } from '../identifiers.ts';
import { MAX_SECRET_BYTES, MIN_SECRET_BYTES } from '../mfa/totp.ts';
import { parseAddress } from '../users/claims.ts';
import { PROFILE_FIELDS } from '../users/profile-fields.ts';
import { refuse, Refused } from './problems.ts';

/** A record from a reader, unchecked, in the fields of Postern's own format. */
export type RawRecord = Record<string, unknown>;

/** A hash of another service, of a password or of a recovery code. */
export interface ForeignHash {
  hash: string;
  format?: string;
  params?: Record<string, unknown>;
}

/** A checked record. */
export interface ImportRecord {
  id: string | null;
  number: number | null;
  source: string | null;
  sourceId: string;
  username: { username: string; usernameKey: string } | null;
  email: { email: string; emailKey: string } | null;
  emailVerifiedAt: Date | null;
  isEmailVerified: boolean;
  /** Texts of the profile, and the postal address. */
  profile: UserChanges;
  phoneNumberVerifiedAt: Date | null;
  status: 'active' | 'suspended';
  roles: string[];
  groups: { name: string; nameKey: string }[];
  createdAt: Date | null;
  lastLoginAt: Date | null;
  passwordChangedAt: Date | null;
  passwordHash: ForeignHash | null;
  totp: Omit<NewTotp, 'accountId' | 'name'> | null;
  recoveryCodes: (string | ForeignHash)[];
  identities: { provider: string; subject: string }[];
  attributes: Record<string, unknown> | null;
}

const MAX_LENGTHS = { id: 255, hash: 8192, group: 200, text: 1024 };
const MAX_COUNTS = { roles: 200, groups: 1000, codes: 100, identities: 100 };
/** Maximum nesting of an account's attributes. */
const DEPTH = 32;

const invalid = (field: string, what: string): never => refuse('invalid_record', `${field} must be ${what}`);

function text(field: string, value: unknown, maxLength = MAX_LENGTHS.text): string {
  if (typeof value !== 'string') return invalid(field, 'a string');
  if (value.includes('\0')) refuse('nul_character', `${field} has a NUL character: remove it`);
  if (!value.isWellFormed()) refuse('invalid_utf8', `${field} has a lone surrogate (half a character)`);
  return value.length > maxLength ? invalid(field, `at most ${maxLength} characters`) : value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const object = (field: string, value: unknown): Record<string, unknown> =>
  isObject(value) ? value : invalid(field, 'an object');

function array(field: string, value: unknown, max: number): unknown[] {
  if (!Array.isArray(value)) return invalid(field, 'a list');
  return value.length > max ? invalid(field, `at most ${max} items`) : value;
}

/** @throws Refused when something in it is text that PostgreSQL cannot hold, or too deep. */
function checkJson(field: string, value: unknown, depth = 0): void {
  if (typeof value === 'string') text(field, value, Infinity);
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEPTH) invalid(field, `nested at most ${DEPTH} deep`);
  for (const [key, one] of Object.entries(value)) {
    text(field, key, Infinity);
    checkJson(field, one, depth + 1);
  }
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

function moment(field: string, value: unknown): Date {
  const at = typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : null;
  if (at && at.getTime() > Date.parse('0001-01-02') && at.getTime() < Date.parse('9999-12-31')) return at;
  return refuse('invalid_timestamp', `${field} must be a time like 2023-05-01T10:00:00Z (RFC 3339)`);
}

function flag(field: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : invalid(field, 'true or false');
}

/**
 * A username of another service: it stays even if a new one could not be like this.
 * @returns null for the account's own address, which works for signing in anyway.
 */
function username(value: unknown, emailKey: string | undefined): ImportRecord['username'] {
  const typed = text('username', value);
  try {
    if (typed.includes('@') && parseEmail(typed.trim()).emailKey === emailKey) return null;
  } catch (error) {
    if (!isDomainError(error)) throw error;
  }
  try {
    return readUsername(typed);
  } catch (error) {
    if (!isDomainError(error)) throw error;
    return refuse(
      'invalid_username',
      'username must be 1 to 255 printable characters without an @, or the email address of the account',
    );
  }
}

function email(value: unknown): NonNullable<ImportRecord['email']> {
  try {
    return parseEmail(text('email', value).trim());
  } catch (error) {
    if (error instanceof Refused) throw error;
    return refuse('invalid_email', `${JSON.stringify(value).slice(0, 100)} is not an email address`);
  }
}

const BASE32 = /^[A-Z2-7]+=*$/;

function totpOf(secret: unknown, parameters: unknown): ImportRecord['totp'] {
  const typed = text('totp_secret', secret).replaceAll(/[\s-]/g, '').toUpperCase();
  const digits32 = typed.replaceAll('=', '');
  const bytes = Math.floor((digits32.length * 5) / 8);
  if (!BASE32.test(typed) || bytes < MIN_SECRET_BYTES || bytes > MAX_SECRET_BYTES)
    refuse(
      'invalid_totp_secret',
      `totp_secret must be base32 of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes`,
    );
  const { algorithm = 'SHA1', digits = 6, period = 30, ...rest } = object('totp', parameters ?? {});
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    refuse('unknown_field', `totp.${unknown} is not one of algorithm, digits, period`);
  const name = String(algorithm).toLowerCase().replace(/^hmac/, '').replace('-', '');
  if (name !== 'sha1' && name !== 'sha256' && name !== 'sha512')
    return refuse('invalid_totp_secret', 'totp.algorithm must be SHA1, SHA256 or SHA512');
  if (digits !== 6 && digits !== 7 && digits !== 8)
    return refuse('invalid_totp_secret', 'totp.digits must be 6, 7 or 8');
  if (!Number.isInteger(period) || (period as number) < 10 || (period as number) > 300)
    return refuse('invalid_totp_secret', 'totp.period must be 10 to 300 seconds');
  return { secret: digits32, algorithm: name, digits, period: period as number };
}

function recoveryCode(value: unknown): string | ForeignHash {
  if (typeof value === 'string') return text('recovery_codes', value, 128);
  const { hash, format, params, ...rest } = object('recovery_codes', value);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) refuse('unknown_field', `recovery_codes has the unknown field ${unknown}`);
  return foreignHash('recovery_codes', hash, format, params);
}

function foreignHash(field: string, hash: unknown, format: unknown, params: unknown): ForeignHash {
  if (typeof hash === 'string' && hash.length > MAX_LENGTHS.hash)
    refuse('hash_malformed', `${field} is longer than any hash`);
  checkJson(`${field}_params`, params);
  return {
    hash: text(field, hash, MAX_LENGTHS.hash),
    ...(isPresent(format) && { format: text(`${field}_format`, format) }),
    ...(isPresent(params) && { params: object(`${field}_params`, params) }),
  };
}

function identity(value: unknown): ImportRecord['identities'][number] {
  const { provider, subject, ...rest } = object('identities', value);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) refuse('unknown_field', `identities has the unknown field ${unknown}`);
  const linked = { provider: text('provider', provider, 255), subject: text('subject', subject, 255) };
  return linked.provider === '' || linked.subject === ''
    ? invalid('identities', 'provider and subject')
    : linked;
}

function group(value: unknown): ImportRecord['groups'][number] {
  const name = text('groups', value, MAX_LENGTHS.group).trim().replace(/^\/+/, '').normalize('NFC');
  if (name === '' || UNPRINTABLE.test(name)) invalid('groups', 'printable names');
  return { name, nameKey: foldCase(name) };
}

const uuid = (field: string, value: unknown): string =>
  isUuid(value) && !/^0{8}-/.test(value)
    ? value.toLowerCase()
    : refuse('invalid_id', `${field} must be a UUID; put any other id into source_id`);

function number(value: unknown): number {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^[+-]?\d{1,30}$/.test(value)))
    return invalid('number', 'a whole number');
  const read = Number(value);
  return Number.isInteger(read) && read >= 1 && read <= MAX_USER_NUMBER
    ? read
    : refuse('number_out_of_range', `number must be 1 to ${MAX_USER_NUMBER}`);
}

function sourceId(value: unknown): string {
  const id =
    typeof value === 'number' && Number.isSafeInteger(value)
      ? String(value)
      : text('source_id', value, MAX_LENGTHS.id);
  return id === '' || UNPRINTABLE.test(id)
    ? refuse('invalid_id', 'source_id must be 1 to 255 printable characters')
    : id;
}

/** Treat empty values as absent, as CSV files have them. */
const isPresent = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

/** The profile's own texts; a field missing in a record changes nothing. */
function profileOf(raw: RawRecord, now: number): UserChanges {
  const profile: UserChanges = {};
  for (const { name, claim, kind, parse } of PROFILE_FIELDS) {
    const value = raw[claim];
    if (!isPresent(value)) continue;
    const typed = text(claim, value, 4096);
    try {
      profile[name] = kind === 'name' ? parseName(claim, typed.trim()) : parse(claim, typed, now);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      if (kind === 'name') refuse('invalid_name', `${claim} must be 1 to 200 printable characters`);
      invalid(claim, 'as documented for the field');
    }
  }
  if (isPresent(raw['address'])) profile.address = address(raw['address']);
  return profile;
}

function address(value: unknown): PostalAddress | null {
  const { formatted: _formatted, ...parts } = object('address', value);
  checkJson('address', parts);
  try {
    return parseAddress(parts);
  } catch {
    return invalid('address', 'an object of street_address, locality, region, postal_code, country');
  }
}

/** The fields besides the profile. */
const FIELDS = [
  'id',
  'number',
  'source',
  'source_id',
  'username',
  'email',
  'email_verified',
  'email_verified_at',
  'address',
  'phone_number_verified_at',
  'status',
  'roles',
  'groups',
  'created_at',
  'last_login_at',
  'password_changed_at',
  'password_hash',
  'password_hash_format',
  'password_hash_params',
  'totp_secret',
  'totp',
  'recovery_codes',
  'identities',
  'attributes',
] as const;

/** Every field of the format. */
export const RECORD_FIELDS: ReadonlySet<string> = new Set([
  ...FIELDS,
  ...PROFILE_FIELDS.map(({ claim }) => claim),
]);

/**
 * Checks a record.
 * @param now milliseconds since the epoch.
 * @throws Refused with the first mistake.
 */
export function readRecord(raw: unknown, now: number): ImportRecord {
  const fields = object('a record', raw);
  for (const name of Object.keys(fields))
    if (!RECORD_FIELDS.has(name))
      refuse(
        'unknown_field',
        `${JSON.stringify(name.slice(0, 60))} is not a known field: correct its name, or put it into attributes`,
      );
  const optional = <T>(name: (typeof FIELDS)[number], read: (value: unknown) => T): T | null =>
    isPresent(fields[name]) ? read(fields[name]) : null;
  const time = (name: (typeof FIELDS)[number]) => optional(name, (value) => moment(name, value));

  const namedId = optional('id', (value) => uuid('id', value));
  const readNumber = optional('number', number);
  const readEmail = optional('email', email);
  const readUsername = optional('username', (value) => username(value, readEmail?.emailKey));
  const readSourceId = optional('source_id', sourceId);
  // Without id and number, only the address or the username identifies a record that came before.
  const fallback = namedId ?? readNumber ?? readEmail?.emailKey ?? readUsername?.usernameKey;
  if (readSourceId === null && fallback === undefined)
    refuse('missing_email', 'the record has neither an email address nor an id');
  const emailVerifiedAt = time('email_verified_at');
  const attributes = optional('attributes', (value) => object('attributes', value));
  checkJson('attributes', attributes);
  const status = optional('status', (value) => value) ?? 'active';
  if (status !== 'active' && status !== 'suspended')
    return refuse('invalid_status', 'status must be active or suspended');
  return {
    // A UUID at the source becomes the account's subject.
    id: namedId ?? (isUuid(readSourceId) && !/^0{8}-/.test(readSourceId) ? readSourceId.toLowerCase() : null),
    number: readNumber,
    source: optional('source', (value) => text('source', value, 100)),
    sourceId: readSourceId ?? String(fallback),
    username: readUsername,
    email: readEmail,
    emailVerifiedAt,
    isEmailVerified:
      optional('email_verified', (value) => flag('email_verified', value)) ?? emailVerifiedAt !== null,
    profile: profileOf(fields, now),
    phoneNumberVerifiedAt: time('phone_number_verified_at'),
    status,
    roles: (optional('roles', (value) => array('roles', value, MAX_COUNTS.roles)) ?? []).map((one) =>
      text('roles', one, 255),
    ),
    groups: (optional('groups', (value) => array('groups', value, MAX_COUNTS.groups)) ?? []).map(group),
    createdAt: time('created_at'),
    lastLoginAt: time('last_login_at'),
    passwordChangedAt: time('password_changed_at'),
    passwordHash: optional('password_hash', (value) =>
      foreignHash('password_hash', value, fields['password_hash_format'], fields['password_hash_params']),
    ),
    totp: optional('totp_secret', (value) => totpOf(value, fields['totp'])),
    recoveryCodes: (
      optional('recovery_codes', (value) => array('recovery_codes', value, MAX_COUNTS.codes)) ?? []
    ).map(recoveryCode),
    identities: (
      optional('identities', (value) => array('identities', value, MAX_COUNTS.identities)) ?? []
    ).map(identity),
    attributes,
  };
}
