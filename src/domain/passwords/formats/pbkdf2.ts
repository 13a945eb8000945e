import { type Algorithm, algorithm, DIGESTS } from './algorithms.ts';
import { ab64, base64, decode, hex } from './encodings.ts';
import { cost, HashRefused, malformed, MAX_COST } from './limits.ts';
import type { Params } from './params.ts';
import type { Reading } from './recipe.ts';

interface Read {
  algorithm: Algorithm;
  iterations: unknown;
  salt: Buffer;
  digest: Buffer;
  /** Bytes that the digest must have, where that is fixed. */
  length?: number | undefined;
}

/** Maximum of iterations times output blocks. */
const MAX_WORK = 4 * MAX_COST.pbkdf2Iterations;

function reading({ algorithm: name, iterations, salt, digest, length }: Read): Reading {
  const rounds = cost('the number of iterations', iterations, 1, MAX_COST.pbkdf2Iterations);
  // A shorter one would be a prefix of the right one: where the length is free, accept common lengths.
  const isFree = length === undefined && digest.length >= 16 && digest.length <= 512;
  if (
    digest.length !== length &&
    !(isFree && (digest.length % 8 === 0 || digest.length === DIGESTS[name].size))
  )
    return malformed('the hash has a wrong length');
  if (rounds * Math.ceil(digest.length / DIGESTS[name].size) > MAX_WORK)
    throw new HashRefused('hash_cost_too_high', 'a hash too long for so many iterations');
  return {
    recipe: { kind: 'pbkdf2', algorithm: name, iterations: rounds, salt, length: digest.length },
    digest,
  };
}

/**
 * Django's `pbkdf2_sha256$iterations$salt$base64`, with the salt as text. Clerk writes the same with a base64 salt: tried first
 * when the text looks like one.
 * @throws HashRefused.
 */
export function readDjangoPbkdf2(text: string): Reading[] {
  const [, name, iterations, salt, digest] =
    /^pbkdf2_([a-z\d]+)\$([^$]+)\$([^$]+)\$([^$]+)$/.exec(text) ?? malformed('not PBKDF2 of Django');
  const prf = algorithm(name);
  const read = (bytes: Buffer) =>
    reading({
      algorithm: prf,
      iterations,
      salt: bytes,
      digest: base64(digest as string),
      length: DIGESTS[prf].size,
    });
  const asText = read(Buffer.from(salt as string));
  if (!/^[A-Za-z\d+/]+={0,2}$/.test(salt as string) || !/[+/=]/.test(salt as string)) return [asText];
  return [read(base64(salt as string)), asText];
}

/** Werkzeug's `pbkdf2:sha256:iterations$salt$hex`, with the salt as text. @throws HashRefused. */
export function readWerkzeugPbkdf2(text: string): Reading {
  const [, name, iterations, salt, digest] =
    /^pbkdf2:([^:$]+):([^:$]+)\$([^$]+)\$([^$]+)$/.exec(text) ?? malformed('not PBKDF2 of Werkzeug');
  const prf = algorithm(name);
  const length = DIGESTS[prf].size;
  return reading({
    algorithm: prf,
    iterations,
    salt: Buffer.from(salt as string),
    digest: hex(digest as string),
    length,
  });
}

/** `$pbkdf2-sha256$`: passlib's with bare iterations and its own base64, or PHC's with `i=` and `l=`. @throws HashRefused. */
export function readPbkdf2(text: string): Reading {
  const [, name = 'sha1', parameters, salt, digest] =
    /^\$pbkdf2(?:-([\w-]+))?\$([^$]+)\$([^$]*)\$([^$]+)$/.exec(text) ?? malformed('not PBKDF2');
  const prf = algorithm(name);
  const phc = /^i=(\d+)(?:,l=(\d+))?$/.exec(parameters as string);
  if (!phc) {
    const length = DIGESTS[prf].size;
    return reading({
      algorithm: prf,
      iterations: parameters,
      salt: ab64(salt as string),
      digest: ab64(digest as string),
      length,
    });
  }
  const length = phc[2] === undefined ? undefined : cost('l', phc[2], 16, 512);
  return reading({
    algorithm: prf,
    iterations: phc[1],
    salt: base64(salt as string, 'any'),
    digest: base64(digest as string, 'any'),
    length,
  });
}

/** `$p5k2$`: with a padded salt Cryptacular's; else the whole head is the salt. SHA-1, hexadecimal iterations. @throws HashRefused. */
export function readP5k2(text: string): Reading {
  const [, head, iterations, salt, digest] =
    /^(\$p5k2\$([\da-f]{0,8})\$([^$]+))\$([^$]+)$/.exec(text) ?? malformed('not p5k2');
  const rounds = iterations === '' ? 400 : Number.parseInt(iterations as string, 16);
  const padded = (digest as string).endsWith('=');
  return reading({
    algorithm: 'sha1',
    iterations: rounds,
    salt: padded ? base64(salt as string, 'padded', '-_') : Buffer.from(head as string),
    digest: padded ? base64(digest as string, 'padded', '-_') : base64(digest as string, 'bare', './'),
    length: padded ? 20 : 24,
  });
}

/** GRUB 2: `grub.pbkdf2.sha512.iterations.salt.hash`, in hexadecimal. @throws HashRefused. */
export function readGrub(text: string): Reading {
  const [, iterations, salt, digest] =
    /^grub\.pbkdf2\.sha512\.([^.]+)\.([^.]+)\.([^.]+)$/.exec(text) ?? malformed('not PBKDF2 of GRUB');
  return reading({
    algorithm: 'sha512',
    iterations,
    salt: hex(salt as string),
    digest: hex(digest as string),
    length: 64,
  });
}

/** Atlassian's `{PKCS5S2}`: 16 bytes of salt, 32 of hash. @throws HashRefused. */
export function readAtlassian(text: string): Reading {
  const bytes = base64(text.slice('{PKCS5S2}'.length));
  return reading({
    algorithm: 'sha1',
    iterations: 10_000,
    salt: bytes.subarray(0, 16),
    digest: bytes.subarray(16),
    length: 32,
  });
}

/** OpenLDAP's `{PBKDF2}` and its neighbours. @throws HashRefused. */
export function readLdapPbkdf2(text: string): Reading {
  const [, name = 'sha1', iterations, salt, digest] =
    /^\{PBKDF2(?:-(SHA\d+))?\}([^$]+)\$([^$]+)\$([^$]+)$/i.exec(text) ?? malformed('not PBKDF2 of LDAP');
  const prf = algorithm(name);
  const length = DIGESTS[prf].size;
  return reading({
    algorithm: prf,
    iterations,
    salt: ab64(salt as string),
    digest: ab64(digest as string),
    length,
  });
}

const PRFS: Algorithm[] = ['sha1', 'sha256', 'sha512'];

/** ASP.NET Identity: version 2 by its first byte 0, version 3 by 1. @throws HashRefused. */
export function readAspNet(text: string): Reading {
  const bytes = base64(text);
  if (bytes[0] === 0) {
    if (bytes.length !== 49) return malformed('the hash has a wrong length');
    const [salt, digest] = [bytes.subarray(1, 17), bytes.subarray(17)];
    return reading({ algorithm: 'sha1', iterations: 1000, salt, digest, length: 32 });
  }
  if (bytes[0] !== 1 || bytes.length < 13) return malformed('neither version 2 nor 3 of ASP.NET Identity');
  const prf = PRFS[bytes.readUInt32BE(1)] ?? malformed('an unknown digest');
  const end = 13 + bytes.readUInt32BE(9);
  if (end < 29 || end > 13 + 64) return malformed('the salt has a wrong length');
  return reading({
    algorithm: prf,
    iterations: bytes.readUInt32BE(5),
    salt: bytes.subarray(13, end),
    digest: bytes.subarray(end),
    length: 32,
  });
}

/** A hash with its parameters beside it. @throws HashRefused. */
export const readPlainPbkdf2 = (text: string, params: Params): Reading =>
  reading({
    algorithm: algorithm(params.take('algorithm')),
    iterations: params.take('iterations'),
    salt: params.salt(),
    digest: decode(text, params.text('encoding') ?? 'hex'),
  });

/**
 * Spring's Pbkdf2PasswordEncoder: the salt comes before the hash of 32 bytes.
 * @param pepper whether there is a secret.
 * @throws HashRefused.
 */
export function readSpringPbkdf2(
  text: string,
  params: Params,
  pepper: boolean,
  defaults = { algorithm: 'sha1', iterations: 185_000, salt: 8 },
): Reading {
  const bytes = decode(text, params.text('encoding') ?? 'hex');
  const length = cost('salt_length', params.take('salt_length') ?? defaults.salt, 1, 64);
  const read = reading({
    algorithm: algorithm(params.take('algorithm') ?? defaults.algorithm),
    iterations: params.take('iterations') ?? defaults.iterations,
    salt: bytes.subarray(0, length),
    digest: bytes.subarray(length),
    length: 32,
  });
  // Its secret is not part of the password.
  return pepper ? { ...read, recipe: { ...read.recipe, pepper: 'salt' } } : read;
}
