import { algorithm } from './algorithms.ts';
import { readArgon2 } from './argon2.ts';
import {
  readAnyBcrypt,
  readBcrypt,
  readDjangoBcrypt,
  readPasslibBcrypt,
  readWordPressBcrypt,
} from './bcrypt.ts';
import { readMd5Crypt, readShaCrypt } from './crypt.ts';
import * as digests from './digest.ts';
import { Params } from './params.ts';
import * as pbkdf2 from './pbkdf2.ts';
import type { Preparation, Reading } from './recipe.ts';
import { HashRefused, malformed } from './limits.ts';
import * as scrypt from './scrypt.ts';
import { readWrapped } from './wrapped.ts';

/** A format of password hashes. */
interface Format {
  /** Names in `password_hash_format`; the first is used in reports. */
  names: readonly [string, ...string[]];
  /** Pattern of its hashes. */
  like: RegExp;
  /** Its hashes are not recognizable: the format must be named. */
  named?: true;
  /** @throws HashRefused. */
  read(text: string, params: Params, preparation: Preparation): Reading | Reading[];
}

const SHORT = /^(hex|base64)_([a-z\d]+)$/;

const PBKDF2_5_8 = { algorithm: 'sha256', iterations: 310_000, salt: 16 };

/** The meaning of `{id}` in Spring's DelegatingPasswordEncoder. */
const SPRING: Record<string, (text: string, params: Params, pepper: boolean) => Reading> = {
  'bcrypt': (text) => readBcrypt(text),
  'argon2': readArgon2,
  'argon2@SpringSecurity_v5_8': readArgon2,
  'pbkdf2': pbkdf2.readSpringPbkdf2,
  'pbkdf2@SpringSecurity_v5_8': (text, params, pepper) =>
    pbkdf2.readSpringPbkdf2(text, params, pepper, PBKDF2_5_8),
  'scrypt': scrypt.readSpringScrypt,
  'scrypt@SpringSecurity_v5_8': scrypt.readSpringScrypt,
  'sha256': digests.readSpringSha256,
  'ldap': digests.readLdap,
  ...Object.fromEntries(
    ['MD4', 'MD5', 'SHA-1', 'SHA-256'].map((name) => [
      name,
      (text: string) => digests.readSpringDigest(name, text),
    ]),
  ),
};

function readSpring(text: string, params: Params, { pepper }: Preparation): Reading {
  const [, id, rest] = /^\{([^{}]+)\}(.+)$/s.exec(text) ?? malformed('not a hash of Spring');
  const read = SPRING[id as string] ?? malformed('an unknown encoder of Spring');
  return read(rest as string, params, pepper !== undefined);
}

/** Shiro 2 writes argon2 and bcrypt behind its own name. */
const readShiro2 = (text: string): Reading => {
  const rest = text.slice('$shiro2'.length);
  return rest.startsWith('$argon2') ? readArgon2(rest) : readBcrypt(rest);
};

/** `{CRYPT}` contains any scheme of crypt(3). */
function readCrypt(text: string): Reading | Reading[] {
  const rest = text.slice('{CRYPT}'.length);
  if (/^\$2[abxy]\$/.test(rest)) return readAnyBcrypt(rest);
  if (/^\$[56]\$/.test(rest)) return readShaCrypt(rest);
  if (rest.startsWith('$1$')) return readMd5Crypt(rest);
  return unknown(rest);
}

/** Every supported format, in order of recognition. */
export const FORMATS: readonly Format[] = [
  { names: ['wrapped'], like: /^\$wrapped\$/, read: readWrapped },
  {
    names: ['bcrypt', 'devise', 'laravel', 'rails', 'wordpress', 'joomla', 'drupal', 'spring'],
    like: /^\$2[abxy]\$/,
    read: readAnyBcrypt,
  },
  {
    names: ['bcrypt_sha256', 'django'],
    like: /^bcrypt_sha256\$/,
    read: (text) => readDjangoBcrypt(text.slice(14)),
  },
  { names: ['bcrypt', 'django'], like: /^bcrypt\$/, read: (text) => readBcrypt(text.slice(7)) },
  { names: ['bcrypt_sha256', 'passlib'], like: /^\$bcrypt-sha256\$/, read: readPasslibBcrypt },
  { names: ['wordpress'], like: /^\$wp\$/, read: readWordPressBcrypt },
  {
    names: ['argon2', 'laravel', 'wordpress', 'joomla', 'drupal', 'spring', 'passlib'],
    like: /^\$argon2(id|i|d)\$/,
    read: readArgon2,
  },
  { names: ['argon2', 'django'], like: /^argon2\$/, read: (text) => readArgon2(text.slice('argon2'.length)) },
  {
    names: ['argon2', 'ldap'],
    like: /^\{ARGON2\}/i,
    read: (text) => readArgon2(text.slice('{ARGON2}'.length)),
  },
  { names: ['shiro'], like: /^\$shiro2\$/, read: readShiro2 },
  { names: ['shiro'], like: /^\$shiro1\$/, read: digests.readShiro },
  { names: ['scrypt', 'passlib', 'kratos'], like: /^\$scrypt\$/, read: scrypt.readPhcScrypt },
  { names: ['scrypt', 'werkzeug'], like: /^scrypt:/, read: scrypt.readWerkzeugScrypt },
  { names: ['scrypt', 'django'], like: /^scrypt\$/, read: scrypt.readDjangoScrypt },
  { names: ['spring_scrypt'], like: /^\$[\da-f]{5,8}\$[\w+/=]+\$[\w+/=]+$/, read: scrypt.readSpringScrypt },
  { names: ['firebase_scrypt', 'firebase'], like: /^[\w+/=-]+$/, named: true, read: scrypt.readFirebase },
  { names: ['pbkdf2', 'django'], like: /^pbkdf2_(?!wrapped_)/, read: pbkdf2.readDjangoPbkdf2 },
  { names: ['pbkdf2', 'werkzeug'], like: /^pbkdf2:/, read: pbkdf2.readWerkzeugPbkdf2 },
  { names: ['pbkdf2', 'passlib', 'kratos'], like: /^\$pbkdf2[-$]/, read: pbkdf2.readPbkdf2 },
  { names: ['pbkdf2', 'passlib'], like: /^\$p5k2\$/, read: pbkdf2.readP5k2 },
  { names: ['pbkdf2', 'grub'], like: /^grub\./, read: pbkdf2.readGrub },
  { names: ['pbkdf2', 'atlassian'], like: /^\{PKCS5S2\}/, read: pbkdf2.readAtlassian },
  { names: ['pbkdf2', 'ldap'], like: /^\{PBKDF2(-SHA\d+)?\}[^$]*\$/i, read: pbkdf2.readLdapPbkdf2 },
  { names: ['aspnet'], like: /^A[A-P][\w+/]{64}==$|^AQAAAA[\w+/]+={0,2}$/, read: pbkdf2.readAspNet },
  { names: ['md5_crypt'], like: /^\$(1|apr1)\$/, read: readMd5Crypt },
  { names: ['sha_crypt'], like: /^\$[56]\$/, read: readShaCrypt },
  { names: ['crypt', 'ldap'], like: /^\{CRYPT\}/i, read: readCrypt },
  { names: ['phpass', 'wordpress', 'joomla', 'drupal'], like: /^U?\$[PH]\$/, read: digests.readPhpass },
  { names: ['drupal'], like: /^U?\$S\$/, read: digests.readDrupal },
  {
    names: ['spring'],
    // In a directory, base64 follows `{MD5}` and `{sha256}`.
    like: /^\{(bcrypt|argon2|pbkdf2|scrypt|ldap)(@\w+)?\}|^\{(MD4|MD5|SHA-1|SHA-256)\}(\{[^{}]*\})?[\da-f]+$|^\{sha256\}[\da-f]+$/,
    read: readSpring,
  },
  { names: ['ldap'], like: /^\{S?(MD5|SHA|SHA224|SHA256|SHA384|SHA512)\}/i, read: digests.readLdap },
  { names: ['kratos'], like: /^\$(md5|sha1|sha256|sha512)\$pf=|^\$md5\$/, read: digests.readKratos },
  { names: ['zitadel'], like: /^\$md5(plain|salted-)/, read: digests.readZitadel },
  {
    names: ['werkzeug'],
    like: /^[a-z\d]+\$/,
    named: true,
    read: (text) => digests.readSalted(text, 'werkzeug'),
  },
  {
    names: ['salted_digest', 'django'],
    like: /^(md5|sha1|sha224|sha256|sha384|sha512)\$/,
    read: (text) => digests.readSalted(text),
  },
  { names: ['mysql'], like: /^\*/, read: digests.readMySql },
  { names: ['wordpress'], like: /^[\da-f]{32}$/i, named: true, read: digests.readWordPressMd5 },
  { names: ['joomla'], like: /^[\da-f]{32}/i, named: true, read: digests.readJoomla },
  { names: ['pbkdf2'], like: /^[^$]/, named: true, read: pbkdf2.readPlainPbkdf2 },
  { names: ['scrypt'], like: /^[^$]/, named: true, read: scrypt.readScrypt },
  {
    names: ['spring_pbkdf2'],
    like: /^/,
    named: true,
    read: (text, params, { pepper }) => pbkdf2.readSpringPbkdf2(text, params, pepper !== undefined),
  },
  { names: ['spring_sha256'], like: /^/, named: true, read: digests.readSpringSha256 },
  { names: ['hmac'], like: /^/, named: true, read: (text, params) => digests.readDigest(text, params, true) },
  {
    names: ['digest'],
    like: /^/,
    named: true,
    read: (text, params) => digests.readDigest(text, params, false),
  },
];

/** Known formats that are not supported. */
const NOT_TAKEN: [RegExp, string][] = [
  [/^\$y\$/, 'yescrypt'],
  [/^\$gy\$/, 'gost-yescrypt'],
  [/^\$7\$/, 'scrypt of crypt(3)'],
  [/^\$2\$/, 'bcrypt without a minor version'],
  [/^\$3\$/, 'NT of crypt(3)'],
  [/^\$sha1\$/, 'sha1-crypt'],
  [/^pbkdf2_wrapped_/, 'a wrapper with a custom name'],
  [/^[./\dA-Za-z]{13}$|^_[./\dA-Za-z]{19}$/, 'DES of crypt(3)'],
];

/** @throws HashRefused hash_unknown_format, or hash_ambiguous when the format must be named. */
function unknown(text: string): never {
  if (/^(?:[\da-f]{32}|[\da-f]{40}|[\da-f]{56}|[\da-f]{64}|[\da-f]{96}|[\da-f]{128})(?::.*)?$/i.test(text))
    throw new HashRefused(
      'hash_ambiguous',
      'a bare digest is ambiguous: name its format, such as hex_sha256, or digest or pbkdf2 with parameters',
    );
  const known = NOT_TAKEN.find(([like]) => like.test(text));
  throw new HashRefused(
    'hash_unknown_format',
    known
      ? `${known[1]} is not supported`
      : 'the format of the hash is unknown: name it, or leave the hash out',
  );
}

/** The format of `text`. @throws HashRefused. */
function formatFor(text: string, name: string | undefined): Format {
  if (name === undefined)
    return FORMATS.find(({ like, named }) => !named && like.test(text)) ?? unknown(text);
  const [, encoding, digest] = SHORT.exec(name) ?? [];
  if (encoding !== undefined && digest !== undefined) {
    const of = { algorithm: algorithm(digest), encoding };
    return {
      names: [name],
      like: /^/,
      named: true,
      read: (bare, params) => digests.readDigest(bare, params, false, of),
    };
  }
  const called = FORMATS.filter(({ names }) => names.includes(name));
  if (called.length === 0)
    throw new HashRefused('hash_unknown_format', `there is no format ${JSON.stringify(name)}`);
  return called.find(({ like }) => like.test(text)) ?? malformed(`not a hash of the format ${name}`);
}

/** Maximum characters of a hash. */
const MAX_HASH_LENGTH = 8192;

/** A hash, read. */
export interface HashRead {
  /** Its name in reports. */
  format: string;
  /** The format must be named. */
  named: boolean;
  readings: Reading[];
}

/**
 * Parses and validates a hash completely, its cost included, so that no login fails on it later.
 * @param params after `splitSecrets`.
 * @throws HashRefused.
 */
export function readHash(
  text: string,
  name: string | undefined,
  params: Readonly<Record<string, unknown>>,
): HashRead {
  if (text.length > MAX_HASH_LENGTH) return malformed('the hash is too long');
  if (/\p{Cc}/u.test(text)) return malformed('the hash holds control characters');
  const format = formatFor(text, name);
  const left = new Params(params);
  const preparation = left.preparation();
  const read = [format.read(text, left, preparation)].flat();
  left.done(format.names[0]);
  if (preparation.prehash && read.some(({ recipe }) => recipe.prehash))
    return malformed(`${format.names[0]} has a prehash of its own`);
  return {
    format: format.names[0],
    named: format.named ?? false,
    readings: read.map((reading) => ({ ...reading, recipe: { ...preparation, ...reading.recipe } })),
  };
}
