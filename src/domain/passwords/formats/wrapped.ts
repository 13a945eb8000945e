import { z } from 'zod';
import { DIGESTS, type Algorithm } from './algorithms.ts';
import { readArgon2 } from './argon2.ts';
import { base64 } from './encodings.ts';
import { malformed, MAX_COST } from './limits.ts';
import type { Params } from './params.ts';
import { read, type Reading, type Recipe, write } from './recipe.ts';

const bytes = z.instanceof(Buffer).refine((value) => value.length <= 1024);
const salt = { salt: bytes };
const length = { length: z.int().min(16).max(512) };
const digestName = z.enum(Object.keys(DIGESTS) as [Algorithm, ...Algorithm[]]);
const upTo = (max: number, min = 1) => z.int().min(min).max(max);
const scrypt = {
  N: upTo(MAX_COST.scryptMemory / 128, 2),
  r: upTo(MAX_COST.scryptMemory / 256),
  p: upTo(MAX_COST.scryptParallelization),
  ...salt,
  ...length,
};

const derivation = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bcrypt'), cost: upTo(MAX_COST.bcryptCost, 4), signed: z.boolean(), ...salt }),
  z.object({
    kind: z.literal('argon2'),
    type: z.enum(['d', 'i', 'id']),
    version: z.literal([16, 19]),
    memory: upTo(MAX_COST.argon2Memory, 8),
    time: upTo(MAX_COST.argon2Time),
    parallelism: upTo(MAX_COST.argon2Parallelism),
    ...salt,
    ...length,
  }),
  z.object({ kind: z.literal('scrypt'), ...scrypt }),
  z.object({ kind: z.literal('firebase'), ...scrypt }),
  z.object({
    kind: z.literal('pbkdf2'),
    algorithm: digestName,
    iterations: upTo(MAX_COST.pbkdf2Iterations),
    ...salt,
    ...length,
  }),
  z.object({ kind: z.literal('md5crypt'), magic: z.enum(['$1$', '$apr1$']), ...salt }),
  z.object({
    kind: z.literal('shacrypt'),
    algorithm: z.enum(['sha256', 'sha512']),
    rounds: upTo(MAX_COST.shaCryptRounds, 1000),
    ...salt,
  }),
  z.object({
    kind: z.literal('digest'),
    algorithm: digestName,
    keyed: z.enum(['salt', 'key']).optional(),
    parts: z.array(z.union([z.enum(['salt', 'password']), bytes])).max(16),
    iterations: upTo(MAX_COST.phpassRounds + 1),
    over: z.enum(['digest', 'digest_hex', 'digest_input', 'digest_password']),
    cut: z.object({ bytes: z.int().min(16).max(64), lastMask: upTo(255) }).optional(),
    ...salt,
  }),
]);

const preparation = z.object({
  passwordEncoding: z.enum(['utf16le', 'latin1']).optional(),
  pepper: z.enum(['prefix', 'suffix', 'salt']).optional(),
  prehash: z
    .object({ algorithm: digestName, encoding: z.enum(['hex', 'base64', 'raw']), key: bytes.optional() })
    .optional(),
  trims: z.boolean().optional(),
});

const recipes = z
  .array(z.intersection(preparation, derivation))
  .min(1)
  .max(2)
  .refine((all) =>
    all.every(
      (one) =>
        !('N' in one) || (128 * one.N * one.r <= MAX_COST.scryptMemory && Number.isInteger(Math.log2(one.N))),
    ),
  );

/**
 * A weak hash, wrapped: argon2id over what its verifier derives.
 * @param readings the hash as it was, all with one digest. @param phc what argon2id made of that.
 */
export const wrappedText = (readings: readonly Reading[], phc: string): string =>
  `$wrapped$${Buffer.from(write(readings.map(({ recipe }) => recipe))).toString('base64url')}${phc}`;

const parsed = (text: string): Recipe[] => {
  try {
    return recipes.parse(read(text)) as Recipe[];
  } catch {
    return malformed('not a wrapped hash');
  }
};

/** Reads what `wrappedText` wrote, here or elsewhere. @throws HashRefused. */
export function readWrapped(text: string, params: Params): Reading[] {
  const [, written, phc] =
    /^\$wrapped\$([\w-]+)(\$argon2id\$.+)$/.exec(text) ?? malformed('not a wrapped hash');
  const { recipe: wrapping, digest } = readArgon2(phc as string);
  const secrets = { key: params.has('key'), signerKey: params.has('signer_key') };
  return parsed(base64(written as string, 'bare', '-_').toString('utf8')).map((recipe) => {
    if (
      (recipe.kind === 'firebase' && !secrets.signerKey) ||
      ('keyed' in recipe && recipe.keyed === 'key' && !secrets.key)
    )
      return malformed('without its key');
    return { recipe, wrapping: wrapping as Recipe & { kind: 'argon2' }, digest };
  });
}
