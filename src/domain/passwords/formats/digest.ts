import { type Algorithm, algorithm, digest as digestOf, DIGESTS, hmac } from './algorithms.ts';
import { base64, decode, hex, itoa64, littleEndian64 } from './encodings.ts';
import { cost, HashRefused, malformed, MAX_COST } from './limits.ts';
import type { Params } from './params.ts';
import type { HashSecrets, Part, Preparation, Reading, Recipe } from './recipe.ts';

type DigestRecipe = Recipe & { kind: 'digest' };

const NO_SALT = Buffer.alloc(0);

function reading(
  name: Algorithm,
  digest: Buffer,
  more: Partial<Omit<DigestRecipe, 'kind' | 'algorithm'>> = {},
): Reading {
  if (digest.length !== DIGESTS[name].size) return malformed('the hash has a wrong length');
  const plain = { parts: ['password'] as Part[], salt: NO_SALT, iterations: 1, over: 'digest' as const };
  return { recipe: { kind: 'digest', algorithm: name, ...plain, ...more }, digest };
}

/** `{salt}` and `{password}` in a text, in any case. @throws HashRefused hash_malformed. */
function template(text: string): Part[] {
  const parts = text
    .split(/(\{salt\}|\{password\})/i)
    .filter((part) => part !== '')
    .map((part): Part =>
      /^\{(salt|password)\}$/i.test(part) ? (part.slice(1, -1).toLowerCase() as Part) : Buffer.from(part),
    );
  return parts.includes('password') && parts.length <= 16
    ? parts
    : malformed('the template lacks {password}');
}

const OVER = ['digest', 'digest_hex', 'digest_input', 'digest_password'] as const;

/**
 * A digest with its parameters beside it, HMAC if `keyed`.
 * @param named by a short form like `hex_md5`.
 * @throws HashRefused.
 */
export function readDigest(
  text: string,
  params: Params,
  keyed: boolean,
  named?: { algorithm: string; encoding: string },
): Reading {
  const name = algorithm(named?.algorithm ?? params.take('algorithm'));
  const bytes = decode(text, named?.encoding ?? params.text('encoding') ?? 'hex');
  const salt = params.salt();
  const position = params.position('salt_position');
  const written = params.text('template');
  if (position && written !== undefined) return malformed('a template has the position of the salt');
  if (keyed && !params.has('key')) return malformed('without a key');
  const salted: Part[] = position === 'suffix' ? ['password', 'salt'] : ['salt', 'password'];
  return reading(name, bytes, {
    ...(keyed ? { keyed: 'key' } : {}),
    parts: written === undefined ? salted : template(written),
    salt,
    iterations: cost(
      'the number of iterations',
      params.take('iterations') ?? 1,
      1,
      MAX_COST.digestIterations,
    ),
    over: params.oneOf('iterate_over', OVER) ?? 'digest',
  });
}

/** `{SSHA}`, `{SMD5}`, `{SHA256}` and so on: the digest, and the salt behind it. @throws HashRefused. */
export function readLdap(text: string): Reading {
  const [, salted, name, written] =
    /^\{(s(?=md5|sha))?(md5|sha|sha224|sha256|sha384|sha512)\}(.*)$/is.exec(text) ??
    malformed('not a digest of LDAP');
  const digest = name?.toLowerCase() === 'sha' ? 'sha1' : algorithm(name);
  const bytes = base64(written as string);
  const { size } = DIGESTS[digest];
  if (salted === undefined) return reading(digest, bytes);
  const salt = bytes.subarray(size);
  if (salt.length === 0 || salt.length > 64) return malformed('the salt has a wrong length');
  return reading(digest, bytes.subarray(0, size), { parts: ['password', 'salt'], salt });
}

/**
 * `sha1$salt$hex`: in Django the digest of salt and password, in Werkzeug before 2.3 an HMAC keyed with the salt. They look
 * alike.
 * @throws HashRefused.
 */
export function readSalted(text: string, of: 'both' | 'werkzeug' = 'both'): Reading[] {
  const [, name, written, digest] =
    /^([a-z\d]+)\$([^$]*)\$([^$]+)$/.exec(text) ?? malformed('not a salted digest');
  const bytes = hex(digest as string);
  const salt = Buffer.from(written as string);
  const keyed = reading(algorithm(name), bytes, { keyed: 'salt', salt });
  if (of === 'werkzeug') return [keyed];
  const plain = reading(algorithm(name), bytes, { parts: ['salt', 'password'], salt });
  return salt.length === 0 ? [plain] : [plain, keyed];
}

/** MySQL's `*` and the SHA-1 of a SHA-1. @throws HashRefused. */
export const readMySql = (text: string): Reading => reading('sha1', hex(text.slice(1)), { iterations: 2 });

/** Joomla before 3.2: `hex:salt`, MD5 of password and salt. @throws HashRefused. */
export function readJoomla(text: string): Reading {
  const [, digest, salt = ''] =
    /^([\da-f]{32})(?::([\x21-\x7e]{0,64}))?$/i.exec(text) ?? malformed('not a hash of Joomla');
  return reading('md5', hex(digest as string), { parts: ['password', 'salt'], salt: Buffer.from(salt) });
}

/** WordPress before 2.5: bare MD5. @throws HashRefused. */
export const readWordPressMd5 = (text: string): Reading => {
  const { recipe, digest } = reading('md5', hex(text));
  return { recipe: { ...recipe, trims: true }, digest };
};

/** Kratos' `$sha256$pf=template$salt$hash`, and `$md5$hash`. @throws HashRefused. */
export function readKratos(text: string): Reading {
  const bare = /^\$md5\$([^$]+)$/.exec(text);
  if (bare) return reading('md5', base64(bare[1] as string));
  const [, name, format, salt, digest] =
    /^\$(md5|sha1|sha256|sha512)\$pf=([^$]+)\$([^$]*)\$([^$]+)$/.exec(text) ??
    malformed('not a digest of Kratos');
  return reading(algorithm(name), base64(digest as string), {
    parts: template(base64(format as string).toString('utf8')),
    salt: base64(salt as string),
  });
}

/** Zitadel's `$md5salted-prefix$salt$hash` and `$md5plain$hex`. @throws HashRefused. */
export function readZitadel(text: string): Reading {
  const plain = /^\$md5plain\$([^$]+)$/.exec(text);
  if (plain) return reading('md5', hex(plain[1] as string));
  const [, position, salt, digest] =
    /^\$md5salted-(prefix|suffix)\$([^$]*)\$([^$]+)$/.exec(text) ?? malformed('not a digest of Zitadel');
  return reading('md5', base64(digest as string), {
    parts: position === 'prefix' ? ['salt', 'password'] : ['password', 'salt'],
    salt: Buffer.from(salt as string),
  });
}

/** Apache Shiro's `$shiro1$SHA-256$iterations$salt$hash`. @throws HashRefused. */
export function readShiro(text: string): Reading {
  const [, name, iterations, salt, digest] =
    /^\$shiro1\$([^$]+)\$([^$]+)\$([^$]*)\$([^$]+)$/.exec(text) ?? malformed('not a hash of Shiro');
  return reading(algorithm(name), base64(digest as string), {
    parts: ['salt', 'password'],
    salt: base64(salt as string),
    iterations: cost('the number of iterations', iterations, 1, MAX_COST.digestIterations),
  });
}

/** Spring's MessageDigestPasswordEncoder: `{salt}hex`; the braces belong to the salt, which is behind the password. @throws HashRefused. */
export function readSpringDigest(name: string, text: string): Reading {
  const [, salt = '', digest] =
    /^(\{[^{}]*\})?([\da-f]+)$/i.exec(text) ?? malformed('not a digest of Spring');
  return reading(algorithm(name), hex(digest as string), {
    parts: ['password', 'salt'],
    salt: Buffer.from(salt),
  });
}

/** Spring's StandardPasswordEncoder: 8 bytes of salt, then SHA-256 1024 times. @throws HashRefused. */
export function readSpringSha256(text: string): Reading {
  const bytes = hex(text);
  return reading('sha256', bytes.subarray(8), {
    parts: ['salt', 'password'],
    salt: bytes.subarray(0, 8),
    iterations: 1024,
  });
}

/** The rounds of phpass and Drupal, after the first digest. */
function roundsOf(sign: string): number {
  const logarithm = itoa64(sign);
  if (logarithm < 7 || logarithm > 30) return malformed('the number of rounds is invalid');
  if (2 ** logarithm > MAX_COST.phpassRounds)
    throw new HashRefused('hash_cost_too_high', `2^${logarithm} rounds, more than ${MAX_COST.phpassRounds}`);
  return 2 ** logarithm + 1;
}

const stretched = (sign: string, salt: string) =>
  ({
    parts: ['salt', 'password'],
    salt: Buffer.from(salt),
    iterations: roundsOf(sign),
    over: 'digest_password',
  }) as const;

/** Drupal puts a `U` before hashes over the hex MD5 of an older Drupal. */
const overMd5 = (text: string): Preparation =>
  text.startsWith('U') ? { prehash: { algorithm: 'md5', encoding: 'hex' } } : {};

/** phpass' `$P$` and `$H$`. @throws HashRefused. */
export function readPhpass(text: string): Reading {
  const [, scheme, rounds, salt, digest] =
    /^U?\$([PH])\$(.)([./\dA-Za-z]{8})([./\dA-Za-z]{22})$/.exec(text) ?? malformed('not phpass');
  const bytes = littleEndian64(digest as string);
  if (bytes[16] !== 0) return malformed('not the base64 of phpass');
  const { parts, ...rest } = stretched(rounds as string, salt as string);
  const read = reading('md5', bytes.subarray(0, 16), { ...rest, parts: [...parts], ...overMd5(text) });
  return scheme === 'P' ? { ...read, recipe: { ...read.recipe, trims: true } } : read;
}

/** Drupal 7 to 10: SHA-512, cut to 55 characters in all, which is 258 bits of it. @throws HashRefused. */
export function readDrupal(text: string): Reading {
  const [, rounds, salt, digest] =
    /^U?\$S\$(.)([./\dA-Za-z]{8})([./\dA-Za-z]{43})$/.exec(text) ?? malformed('not a hash of Drupal');
  return {
    recipe: {
      kind: 'digest',
      algorithm: 'sha512',
      ...stretched(rounds as string, salt as string),
      parts: ['salt', 'password'],
      cut: { bytes: 33, lastMask: 0b11 },
      ...overMd5(text),
    },
    digest: littleEndian64(digest as string),
  };
}

export async function digest(password: Buffer, recipe: DigestRecipe, secrets: HashSecrets): Promise<Buffer> {
  const { algorithm: name, keyed, salt, iterations, over, cut } = recipe;
  const key = keyed === 'key' ? secrets.key : salt;
  if (!key) throw new Error('the key is missing');
  const of = keyed ? await hmac(name, key) : await digestOf(name);
  const input = Buffer.concat(
    recipe.parts.map((part) => (part === 'password' ? password : part === 'salt' ? salt : part)),
  );
  const next = {
    digest: (last: Buffer) => last,
    digest_hex: (last: Buffer) => Buffer.from(last.toString('hex')),
    digest_input: (last: Buffer) => Buffer.concat([last, input]),
    digest_password: (last: Buffer) => Buffer.concat([last, password]),
  }[over];
  let last = of(input);
  for (let round = 1; round < iterations; round += 1) last = of(next(last));
  if (!cut) return last;
  const short = Buffer.from(last.subarray(0, cut.bytes));
  short[cut.bytes - 1] = (short[cut.bytes - 1] as number) & cut.lastMask;
  return short;
}
