import { createCipheriv, scryptSync } from 'node:crypto';
import { anyBase64, base64, decode, hex } from './encodings.ts';
import { cost, HashRefused, malformed, MAX_COST } from './limits.ts';
import type { Params } from './params.ts';
import type { HashSecrets, Reading, Recipe } from './recipe.ts';

/** Costs of scrypt (RFC 7914 section 2). @throws HashRefused. */
function costs(N: unknown, r: unknown, p: unknown): { N: number; r: number; p: number } {
  const size = cost('the cost N', N, 2, Number.MAX_SAFE_INTEGER);
  if (!Number.isInteger(Math.log2(size))) return malformed('the cost N is not a power of two');
  const block = cost('the block size', r, 1, Number.MAX_SAFE_INTEGER);
  if (128 * size * block > MAX_COST.scryptMemory)
    throw new HashRefused(
      'hash_cost_too_high',
      `scrypt needs ${128 * size * block} bytes, more than ${MAX_COST.scryptMemory}`,
    );
  return { N: size, r: block, p: cost('the parallelization', p, 1, MAX_COST.scryptParallelization) };
}

function reading(of: ReturnType<typeof costs>, salt: Buffer, digest: Buffer): Reading {
  // A shorter one would be a prefix of the right one: accept common lengths.
  if (digest.length < 16 || digest.length > 128 || digest.length % 8 !== 0)
    return malformed('the hash has a wrong length');
  return { recipe: { kind: 'scrypt', ...of, salt, length: digest.length }, digest };
}

const exactly = (length: number, digest: Buffer): Buffer =>
  digest.length === length ? digest : malformed('the hash has a wrong length');

/** Passlib's `$scrypt$ln=…`; Kratos writes N itself there, which is over 63. @throws HashRefused. */
export function readPhcScrypt(text: string): Reading {
  const [, ln, r, p, salt, digest] =
    /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]*)\$([^$]+)$/.exec(text) ?? malformed('not scrypt');
  const logarithm = cost('ln', ln, 1, Number.MAX_SAFE_INTEGER);
  const isKratos = logarithm > 63;
  const [bytes, expected] = [salt as string, digest as string].map((text) =>
    base64(text, isKratos ? 'padded' : 'bare'),
  ) as [Buffer, Buffer];
  return reading(costs(isKratos ? logarithm : 2 ** logarithm, r, p), bytes, expected);
}

/** Werkzeug's `scrypt:N:r:p$salt$hex`. @throws HashRefused. */
export function readWerkzeugScrypt(text: string): Reading {
  const [, N, r, p, salt, digest] =
    /^scrypt:([^:$]+):([^:$]+):([^:$]+)\$([^$]+)\$([^$]+)$/.exec(text) ?? malformed('not scrypt of Werkzeug');
  return reading(costs(N, r, p), Buffer.from(salt as string), exactly(64, hex(digest as string)));
}

/** Django's `scrypt$N$salt$r$p$base64`. @throws HashRefused. */
export function readDjangoScrypt(text: string): Reading {
  const [, N, salt, r, p, digest] =
    /^scrypt\$([^$]+)\$([^$]+)\$([^$]+)\$([^$]+)\$([^$]+)$/.exec(text) ?? malformed('not scrypt of Django');
  return reading(costs(N, r, p), Buffer.from(salt as string), exactly(64, base64(digest as string)));
}

/** Spring's `$` and log2 N, r, p in hexadecimal, `$salt$hash`. @throws HashRefused. */
export function readSpringScrypt(text: string): Reading {
  const [, all, salt, digest] =
    /^\$([\da-f]{5,8})\$([^$]+)\$([^$]+)$/.exec(text) ?? malformed('not scrypt of Spring');
  const numbers = Number.parseInt(all as string, 16);
  const logarithm = Math.floor(numbers / 2 ** 16);
  return reading(
    costs(2 ** logarithm, (numbers >>> 8) & 255, numbers & 255),
    base64(salt as string),
    base64(digest as string),
  );
}

/** A hash with its parameters beside it. @throws HashRefused. */
export const readScrypt = (text: string, params: Params): Reading =>
  reading(
    costs(params.take('cost'), params.take('block_size') ?? 8, params.take('parallelization') ?? 1),
    params.salt(),
    decode(text, params.text('encoding') ?? 'hex'),
  );

/** A Firebase hash: its user's salt comes before the separator that all share. @throws HashRefused. */
export function readFirebase(text: string, params: Params): Reading {
  if (!params.has('signer_key')) return malformed('without a signer key');
  const recipe = {
    kind: 'firebase' as const,
    ...costs(2 ** cost('mem_cost', params.take('mem_cost'), 1, 32), params.take('rounds'), 1),
    salt: Buffer.concat([
      anyBase64(params.text('salt') ?? malformed('without a salt')),
      anyBase64(params.text('salt_separator') ?? ''),
    ]),
    length: 32,
  };
  return { recipe, digest: exactly(64, anyBase64(text)) };
}

/** Node refuses scrypt above `maxmem`, 32 MiB unless told otherwise. */
export const scrypt = (password: Buffer, { N, r, p, salt, length }: Extract<Recipe, { N: number }>): Buffer =>
  scryptSync(password, salt, length, { N, r, p, maxmem: 2 * MAX_COST.scryptMemory });

/** The key from scrypt encrypts the project's signer key; the ciphertext is the digest. */
export function firebase(
  password: Buffer,
  recipe: Recipe & { kind: 'firebase' },
  secrets: HashSecrets,
): Buffer {
  if (!secrets.signer_key) throw new Error('the signer key is missing');
  const cipher = createCipheriv('aes-256-ctr', scrypt(password, recipe), Buffer.alloc(16));
  return Buffer.concat([cipher.update(secrets.signer_key), cipher.final()]);
}
