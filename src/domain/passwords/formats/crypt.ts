import { hash } from 'node:crypto';
import { littleEndian64 } from './encodings.ts';
import { cost, malformed, MAX_COST } from './limits.ts';
import type { Reading, Recipe } from './recipe.ts';

/** The order in which crypt(3) writes the bytes of an MD5. */
const MD5_ORDER = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

/** The same for SHA-256 and SHA-512: three bytes at a time, each group rotated once more. */
function shaOrder(size: 32 | 64): number[] {
  const third = Math.floor(size / 3);
  const turn = size === 32 ? 2 : 1;
  const order: number[] = [];
  for (let group = 0; group < third; group += 1) {
    const bytes = [group, group + third, group + 2 * third];
    const shift = (group * turn) % 3;
    // Written from the lowest byte on.
    order.push(...[...bytes.slice(shift), ...bytes.slice(0, shift)].toReversed());
  }
  return [...order, ...(size === 32 ? [30, 31] : [63])];
}

const ORDERS = { md5: MD5_ORDER, sha256: shaOrder(32), sha512: shaOrder(64) };

/** The digest before crypt(3) reordered it. */
function unwrite(text: string, name: keyof typeof ORDERS): Buffer {
  const order = ORDERS[name];
  if (text.length !== Math.ceil((order.length * 8) / 6)) return malformed('the hash has a wrong length');
  const written = littleEndian64(text);
  if ((written[order.length] ?? 0) !== 0) return malformed('not the base64 of crypt(3)');
  const bytes = Buffer.alloc(order.length);
  for (const [at, place] of order.entries()) bytes[place] = written[at] as number;
  return bytes;
}

/** `$1$` and `$apr1$`. @throws HashRefused. */
export function readMd5Crypt(text: string): Reading {
  const [, magic, salt, written] =
    /^(\$1\$|\$apr1\$)([^$:]{0,8})\$([^$]*)$/.exec(text) ?? malformed('not md5-crypt');
  const recipe = {
    kind: 'md5crypt',
    magic: magic as '$1$' | '$apr1$',
    salt: Buffer.from(salt as string),
  } as const;
  return { recipe, digest: unwrite(written as string, 'md5') };
}

/** `$5$` and `$6$`. @throws HashRefused. */
export function readShaCrypt(text: string): Reading {
  const [, scheme, rounds, salt, written] =
    /^\$([56])\$(?:rounds=([^$]*)\$)?([^$:]{0,16})\$([^$]*)$/.exec(text) ?? malformed('not sha-crypt');
  const algorithm = scheme === '5' ? 'sha256' : 'sha512';
  return {
    recipe: {
      kind: 'shacrypt',
      algorithm,
      rounds: rounds === undefined ? 5000 : cost('rounds', rounds, 1000, MAX_COST.shaCryptRounds),
      salt: Buffer.from(salt as string),
    },
    digest: unwrite(written as string, algorithm),
  };
}

/** `length` bytes that repeat `block`. */
const repeat = (block: Buffer, length: number): Buffer => Buffer.alloc(length, block);

/** Poul-Henning Kamp's md5crypt. */
export function md5Crypt(password: Buffer, { magic, salt }: Recipe & { kind: 'md5crypt' }): Buffer {
  const md5 = (...parts: Buffer[]) => hash('md5', Buffer.concat(parts), 'buffer');
  const alternate = md5(password, salt, password);
  const parts = [password, Buffer.from(magic), salt, repeat(alternate, password.length)];
  for (let bits = password.length; bits > 0; bits >>>= 1)
    parts.push(bits & 1 ? Buffer.alloc(1) : password.subarray(0, 1));
  let digest = md5(...parts);
  for (let round = 0; round < 1000; round += 1) {
    digest = md5(
      round % 2 ? password : digest,
      round % 3 ? salt : Buffer.alloc(0),
      round % 7 ? password : Buffer.alloc(0),
      round % 2 ? digest : password,
    );
  }
  return digest;
}

/** Ulrich Drepper's SHA-crypt, version 0.6. */
export function shaCrypt(
  password: Buffer,
  { algorithm, rounds, salt }: Recipe & { kind: 'shacrypt' },
): Buffer {
  const sha = (parts: Buffer[]) => hash(algorithm, Buffer.concat(parts), 'buffer');
  const alternate = sha([password, salt, password]);
  const parts = [password, salt, repeat(alternate, password.length)];
  for (let bits = password.length; bits > 0; bits >>>= 1) parts.push(bits & 1 ? alternate : password);
  let digest = sha(parts);
  const p = repeat(sha(Array<Buffer>(password.length).fill(password)), password.length);
  const s = repeat(sha(Array<Buffer>(16 + (digest[0] as number)).fill(salt)), salt.length);
  for (let round = 0; round < rounds; round += 1) {
    digest = sha([
      round % 2 ? p : digest,
      ...(round % 3 ? [s] : []),
      ...(round % 7 ? [p] : []),
      round % 2 ? digest : p,
    ]);
  }
  return digest;
}
