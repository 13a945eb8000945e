import type { Algorithm } from './algorithms.ts';

/** The inputs of a digest, in order. */
export type Part = 'salt' | 'password' | Buffer;

/** How the typed password becomes the bytes that are hashed. */
export interface Preparation {
  /** Its encoding, where that is not UTF-8. */
  passwordEncoding?: 'utf16le' | 'latin1';
  /** Where the secret `pepper` goes: before or after the password, or after the salt of PBKDF2. */
  pepper?: 'prefix' | 'suffix' | 'salt';
  /** A digest of the password takes its place, as text if `encoding` says so; HMAC if there is a key. */
  prehash?: { algorithm: Algorithm; encoding: 'hex' | 'base64' | 'raw'; key?: Buffer };
  /** WordPress trims passwords, so try the trimmed one as well. */
  trims?: boolean;
}

interface ScryptCosts {
  N: number;
  r: number;
  p: number;
  salt: Buffer;
  length: number;
}

/** How the bytes are hashed. */
export type Derivation =
  | { kind: 'bcrypt'; cost: number; salt: Buffer; signed: boolean }
  | {
      kind: 'argon2';
      type: 'd' | 'i' | 'id';
      version: 16 | 19;
      /** KiB. */
      memory: number;
      time: number;
      parallelism: number;
      salt: Buffer;
      length: number;
    }
  | ({ kind: 'scrypt' } & ScryptCosts)
  /** Encrypts the secret `signer_key` with the key that scrypt derives. */
  | ({ kind: 'firebase' } & ScryptCosts)
  | { kind: 'pbkdf2'; algorithm: Algorithm; iterations: number; salt: Buffer; length: number }
  | { kind: 'md5crypt'; magic: '$1$' | '$apr1$'; salt: Buffer }
  | { kind: 'shacrypt'; algorithm: 'sha256' | 'sha512'; rounds: number; salt: Buffer }
  | {
      kind: 'digest';
      algorithm: Algorithm;
      /** HMAC keyed with the salt or with the secret `key`; a plain digest without. */
      keyed?: 'salt' | 'key';
      parts: Part[];
      salt: Buffer;
      iterations: number;
      /** The input of later iterations: the digest, its hex, or the digest and a suffix. */
      over: 'digest' | 'digest_hex' | 'digest_input' | 'digest_password';
      /** Bytes of the digest in the hash string, and bits of the last one, when it is cut. */
      cut?: { bytes: number; lastMask: number };
    };

/** Everything that determines a password's digest, except the password and secrets. */
export type Recipe = Preparation & Derivation;

/** Secrets that all hashes of a source share. */
export type SecretName = 'key' | 'pepper' | 'signer_key';
export type HashSecrets = Partial<Record<SecretName, Buffer>>;

/** One reading of a hash: how to compute the digest, and the digest. An ambiguous hash has two. */
export interface Reading {
  recipe: Recipe;
  /** The form in which a wrapped hash feeds the recipe's result to argon2id. */
  wrapping?: Recipe & { kind: 'argon2' };
  digest: Buffer;
}

/** The key of bytes in JSON. */
const BYTES = '$';

const isBytes = (value: unknown): value is { type: 'Buffer'; data: number[] } =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';

const isWritten = (value: unknown): value is { [BYTES]: string } =>
  typeof value === 'object' && value !== null && BYTES in value;

/** Anything with bytes in it, as JSON. */
export const write = (value: object): string =>
  JSON.stringify(value, (_, field: unknown) =>
    // Buffer has a toJSON, which would run first.
    isBytes(field) ? { [BYTES]: Buffer.from(field.data).toString('base64') } : field,
  );

export const read = (text: string): unknown =>
  JSON.parse(text, (_, field: unknown) => (isWritten(field) ? Buffer.from(field[BYTES], 'base64') : field));
