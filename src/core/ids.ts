import { hash, randomBytes, randomUUID } from 'node:crypto';

/** A new account, record or event id (RFC 9562 UUID, version 4). */
export const newUuid = (): string => randomUUID();

/** A secret handed to a client: `bytes` bytes of randomness as base64url. 32 bytes unless said otherwise. */
export const randomToken = (bytes = 32): string => randomBytes(bytes).toString('base64url');

/** SHA-256 of a secret that has its own entropy, as base64url: how tokens and machine secrets are stored. */
export const sha256 = (value: string): string => hash('sha256', value, 'base64url');

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether `value` has the textual form of a UUID: ask before handing it to PostgreSQL. */
export const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);
