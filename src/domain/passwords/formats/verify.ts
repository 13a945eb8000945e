import { timingSafeEqual } from 'node:crypto';
import { digest, hmac } from './algorithms.ts';
import { argon2 } from './argon2.ts';
import { bcrypt } from './bcrypt.ts';
import { md5Crypt, shaCrypt } from './crypt.ts';
import { digest as iterated } from './digest.ts';
import { pbkdf2 } from './algorithms.ts';
import type { HashSecrets, Preparation, Reading, Recipe } from './recipe.ts';
import { firebase, scrypt } from './scrypt.ts';

/** Maximum bytes that the rounds of a hash may read in all: a long password must not make an expensive hash endless. */
const MAX_BYTES_READ = 2 ** 32;

function encoded(password: string, encoding: Preparation['passwordEncoding']): Buffer {
  if (encoding === 'latin1' && /[^\0-\xff]/.test(password)) throw new Error('not in the encoding');
  return Buffer.from(password, encoding ?? 'utf8');
}

/** The bytes that are hashed. */
async function prepare(password: string, recipe: Recipe, secrets: HashSecrets): Promise<Buffer> {
  const { pepper, prehash } = recipe;
  if (pepper && !secrets.pepper) throw new Error('the pepper is missing');
  const bytes = Buffer.concat([
    ...(pepper === 'prefix' && secrets.pepper ? [secrets.pepper] : []),
    encoded(password, recipe.passwordEncoding),
    ...(pepper === 'suffix' && secrets.pepper ? [secrets.pepper] : []),
  ]);
  if (!prehash) return bytes;
  const of = await (prehash.key ? hmac(prehash.algorithm, prehash.key) : digest(prehash.algorithm));
  const hashed = of(bytes);
  return prehash.encoding === 'raw' ? hashed : Buffer.from(hashed.toString(prehash.encoding));
}

const bound = (rounds: number, bytes: number): void => {
  if (rounds * bytes > MAX_BYTES_READ) throw new Error('too long a password for so many rounds');
};

async function derive(password: Buffer, recipe: Recipe, secrets: HashSecrets): Promise<Buffer> {
  switch (recipe.kind) {
    case 'bcrypt':
      return bcrypt(password, recipe);
    case 'argon2':
      return argon2(password, recipe);
    case 'scrypt':
      return scrypt(password, recipe);
    case 'firebase':
      return firebase(password, recipe, secrets);
    case 'pbkdf2':
      return pbkdf2(
        recipe.algorithm,
        password,
        Buffer.concat([recipe.salt, ...(recipe.pepper === 'salt' && secrets.pepper ? [secrets.pepper] : [])]),
        recipe.iterations,
        recipe.length,
      );
    case 'md5crypt':
      return md5Crypt(password, recipe);
    case 'shacrypt':
      bound(recipe.rounds, 2 * password.length);
      return shaCrypt(password, recipe);
    default:
      bound(recipe.iterations, password.length * recipe.parts.length);
      return iterated(password, recipe, secrets);
  }
}

async function matches(
  password: string,
  { recipe, wrapping, digest: expected }: Reading,
  secrets: HashSecrets,
) {
  try {
    const derived = await derive(await prepare(password, recipe, secrets), recipe, secrets);
    const compared = wrapping ? await argon2(derived, wrapping) : derived;
    return compared.length === expected.length && timingSafeEqual(compared, expected);
  } catch {
    // If nothing can be derived, it is not the account's password.
    return false;
  }
}

/** Characters that PHP's trim() removes, which WordPress calls at login. */
export const trimmed = (password: string): string =>
  password.replaceAll(/^[ \t\r\n\0\v]+|[ \t\r\n\0\v]+$/g, '');

/** Whether another reading gives the same result: bytes below 0x80 have no sign to extend. */
const isRepeated = ({ recipe }: Reading, readings: readonly Reading[], password: string): boolean =>
  recipe.kind === 'bcrypt' && recipe.signed && readings.length > 1 && !/[^\0-\x7f]/.test(password);

/**
 * Whether one of `readings` was made from the password: as typed, or else in the form that its source may have given it. Blocks
 * the thread.
 */
export async function verifyReadings(
  readings: readonly Reading[],
  password: string,
  secrets: HashSecrets,
): Promise<boolean> {
  const tries = [
    password,
    password.normalize('NFKC'),
    ...(readings.some(({ recipe }) => recipe.trims) ? [trimmed(password)] : []),
  ];
  for (const one of new Set(tries)) {
    for (const reading of readings) {
      if (isRepeated(reading, readings, one)) continue;
      if (await matches(one, reading, secrets)) return true;
    }
  }
  return false;
}
