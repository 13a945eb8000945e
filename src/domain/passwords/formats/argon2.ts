import type { Algorithm, Version } from '@node-rs/argon2';
import { base64 } from './encodings.ts';
import { cost, malformed, MAX_COST } from './limits.ts';
import type { Reading, Recipe } from './recipe.ts';

/**
 * `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, its parameters in any order; without `v=` it is version 16.
 * @throws HashRefused.
 */
export function readArgon2(text: string): Reading {
  const [, type, version, parameters, salt, digest] =
    /^\$argon2(id|i|d)\$(?:v=(\d+)\$)?([^$]+)\$([^$]+)\$([^$]+)$/.exec(text) ?? malformed('not argon2');
  if (version !== undefined && version !== '16' && version !== '19')
    return malformed('the version of argon2 must be 16 or 19');
  const named = new Map(
    (parameters as string).split(',').map((one) => one.split('=', 2) as [string, string]),
  );
  if ([...named.keys()].toSorted().join('') !== 'mpt') return malformed('argon2 needs m, t and p');
  const parallelism = cost('p', named.get('p'), 1, MAX_COST.argon2Parallelism);
  const bytes = base64(salt as string, 'bare');
  const expected = base64(digest as string, 'bare');
  if (bytes.length < 8 || bytes.length > 1024) return malformed('the salt has a wrong length');
  if (expected.length < 16 || expected.length > 512) return malformed('the hash has a wrong length');
  return {
    recipe: {
      kind: 'argon2',
      type: type as 'id' | 'i' | 'd',
      version: version === '19' ? 19 : 16,
      memory: cost('m', named.get('m'), 8 * parallelism, MAX_COST.argon2Memory),
      time: cost('t', named.get('t'), 1, MAX_COST.argon2Time),
      parallelism,
      salt: bytes,
      length: expected.length,
    },
    digest: expected,
  };
}

// oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enums of @node-rs/argon2 are not there at run time
const TYPES: Record<'d' | 'i' | 'id', Algorithm> = { d: 0, i: 1, id: 2 };
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the same
const VERSIONS: Record<16 | 19, Version> = { 16: 0, 19: 1 };

export async function argon2(password: Buffer, recipe: Recipe & { kind: 'argon2' }): Promise<Buffer> {
  const { hashRawSync } = await import('@node-rs/argon2');
  return hashRawSync(password, {
    algorithm: TYPES[recipe.type],
    version: VERSIONS[recipe.version],
    memoryCost: recipe.memory,
    timeCost: recipe.time,
    parallelism: recipe.parallelism,
    outputLen: recipe.length,
    salt: recipe.salt,
  });
}
