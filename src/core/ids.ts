import { hash, randomBytes, randomUUID } from 'node:crypto';

/** A new account, record or event id (RFC 9562 UUID, version 4). */
export const newUuid = (): string => randomUUID();

/** A random secret of `bytes` bytes (32) as base64url. */
export const randomToken = (bytes = 32): string => randomBytes(bytes).toString('base64url');

/** SHA-256 of a high-entropy secret as base64url: the stored form of tokens and machine secrets. */
export const sha256 = (value: string): string => hash('sha256', value, 'base64url');

/**
 * The start of a digest, as the id of what it is made of: 64 bits in hexadecimal. A command would take an id that begins with
 * `-` for an option. @param digest as base64url.
 */
export const shortIdOf = (digest: string): string =>
  Buffer.from(digest, 'base64url').toString('hex').slice(0, 16);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether `value` has the textual form of a UUID: ask before handing it to PostgreSQL. */
export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
