import { eksblowfish } from './blowfish.ts';
import { bcrypt64 } from './encodings.ts';
import { cost, malformed, MAX_COST } from './limits.ts';
import type { Preparation, Reading, Recipe } from './recipe.ts';

/** Bytes of a password that bcrypt reads. */
const MAX_BYTES = 72;

const reading = (
  variant: string,
  rounds: string,
  salt: string,
  digest: string,
  preparation: Preparation = {},
): Reading => ({
  recipe: {
    kind: 'bcrypt',
    cost: cost('the cost', rounds, 4, MAX_COST.bcryptCost),
    salt: bcrypt64(salt),
    signed: variant === 'x',
    ...preparation,
  },
  digest: bcrypt64(digest),
});

/** `$2a$`, `$2b$`, `$2y$`, and `$2x$`, which has the sign extension of PHP before 5.3.7. @throws HashRefused. */
export function readBcrypt(text: string, preparation: Preparation = {}): Reading {
  const [, variant, rounds, salt, digest] =
    /^\$2([abxy])\$(\d{2})\$(.{22})(.{31})$/s.exec(text) ?? malformed('not bcrypt');
  return reading(variant as string, rounds as string, salt as string, digest as string, preparation);
}

/**
 * The same, and for `$2a$` also with the sign extension: PHP before 5.3.7 knew no other name for it.
 * @throws HashRefused.
 */
export function readAnyBcrypt(text: string): Reading[] {
  const reading = readBcrypt(text);
  if (!text.startsWith('$2a$')) return [reading];
  return [reading, { ...reading, recipe: { ...reading.recipe, signed: true } as Recipe }];
}

/** Django's `bcrypt_sha256$`. @throws HashRefused. */
export const readDjangoBcrypt = (text: string): Reading =>
  readBcrypt(text, { prehash: { algorithm: 'sha256', encoding: 'hex' } });

/** WordPress 6.8 and later: `$wp$2y$`. @throws HashRefused. */
export const readWordPressBcrypt = (text: string): Reading =>
  readBcrypt(text.slice('$wp'.length), {
    prehash: { algorithm: 'sha384', encoding: 'base64', key: Buffer.from('wp-sha384') },
    trims: true,
  });

/** Passlib's `$bcrypt-sha256$`: version 2 is an HMAC keyed with the salt's text, version 1 a digest. @throws HashRefused. */
export function readPasslibBcrypt(text: string): Reading {
  const second = /^\$bcrypt-sha256\$v=2,t=2([aby]),r=(\d{1,2})\$(.{22})\$(.{31})$/s.exec(text);
  const [, variant, rounds, salt, digest] =
    second ??
    /^\$bcrypt-sha256\$2([aby]),(\d{1,2})\$(.{22})\$(.{31})$/s.exec(text) ??
    malformed('not bcrypt-sha256');
  const prehash = {
    algorithm: 'sha256',
    encoding: 'base64',
    ...(second ? { key: Buffer.from(salt as string) } : {}),
  } as const;
  return reading(variant as string, rounds as string, salt as string, digest as string, { prehash });
}

/** bcrypt cuts at 72 bytes, even within a character. A password with a NUL never verifies: C ended there, others did not. */
export function bcrypt(
  password: Buffer,
  { cost: rounds, salt, signed }: Recipe & { kind: 'bcrypt' },
): Buffer {
  if (password.includes(0)) throw new Error('a NUL has no bcrypt');
  const key = Buffer.concat([password, Buffer.alloc(1)]).subarray(0, MAX_BYTES);
  return eksblowfish(key, salt, rounds, signed).subarray(0, 23);
}
