import type { HashSecrets } from './recipe.ts';
import { joinSecrets, splitSecrets } from './params.ts';
import { type HashRead, readHash } from './table.ts';
import { base64 } from './encodings.ts';
import { HashRefused, malformed } from './limits.ts';

/** A hash from a source. */
export interface ForeignHash {
  hash: string;
  /** Its format, if the hash does not show it. */
  format?: string | undefined;
  params?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The stored form of a foreign hash in `users.password_hash`: the hash itself when it is self-describing, otherwise
 * `$postern$f=<format>,k=<id of its secrets>$<base64url of its parameters>$<hash>`.
 */
interface Envelope {
  hash: string;
  format: string | undefined;
  params: Record<string, unknown>;
  /** The id of its secrets. */
  secretsId: string | null;
}

const HEAD = '$postern$';

/** An envelope, as text. */
export const writeStored = ({ hash, format, params, secretsId }: Envelope): string =>
  [
    `${HEAD}f=${format ?? ''}${secretsId === null ? '' : `,k=${secretsId}`}`,
    Object.keys(params).length === 0 ? '' : Buffer.from(JSON.stringify(params)).toString('base64url'),
    hash,
  ].join('$');

/** @throws HashRefused hash_malformed. */
export function parseStored(stored: string): Envelope {
  if (!stored.startsWith(HEAD)) return { hash: stored, format: undefined, params: {}, secretsId: null };
  const [, format, id, params, hash] =
    /^\$postern\$f=([\w-]+)(?:,k=([\w-]+))?\$([\w-]*)\$(.*)$/s.exec(stored) ?? malformed('not a stored hash');
  return {
    hash: hash as string,
    format,
    params:
      params === ''
        ? {}
        : (JSON.parse(Buffer.from(params as string, 'base64url').toString()) as Record<string, unknown>),
    secretsId: id ?? null,
  };
}

/** Strings that contain their key: move it to the other keys. */
function withoutKeys({ hash, format, params }: ForeignHash): ForeignHash {
  const hmac = /^\$hmac-(\w+)\$([\w+/=]+)\$([\w+/=]+)$/.exec(hash);
  if (hmac) {
    const [, algorithm, written, key] = hmac;
    const of = { algorithm, key, key_encoding: 'base64' };
    return {
      hash: base64(written as string).toString(),
      format: 'hmac',
      params: { ...params, ...of },
    };
  }
  const one =
    /^\$fbscrypt\$v=1,n=(\d+),r=(\d+),p=1(?:,ss=([\w+/=-]*))?,sk=([\w+/=-]+)\$([\w+/=-]+)\$([\w+/=-]+)$/.exec(
      hash,
    );
  const other =
    /^\$firescrypt\$ln=(\d+),r=(\d+),p=1\$([\w+/=-]+)\$([\w+/=-]+)\$([\w+/=-]*)\$([\w+/=-]+)$/.exec(hash);
  if (!one && !other) return { hash, format, params };
  const [, memory, rounds] = (one ?? other) as RegExpExecArray;
  const [separator, signer, salt, digest] = one
    ? one.slice(3)
    : [other?.[5], other?.[6], other?.[3], other?.[4]];
  return {
    hash: digest as string,
    format: 'firebase_scrypt',
    params: {
      ...params,
      mem_cost: Number(memory),
      rounds: Number(rounds),
      salt,
      salt_separator: separator ?? '',
      signer_key: signer,
    },
  };
}

/** An accepted foreign hash. */
export interface TakenHash extends HashRead {
  /** Its stored form. @param secretsId the id of its secrets, if it has any. */
  stored(secretsId: string | null): string;
  secrets: HashSecrets | null;
}

/** Formats whose "hash" is the password itself: hash it at once. */
export function plainPassword({ hash, format }: ForeignHash): string | null {
  if (format === 'plain') return hash;
  const marked = /^\{(noop|cleartext)\}/i.exec(hash);
  return marked && (format === undefined || format === 'spring' || format === 'ldap')
    ? hash.slice(marked[0].length)
    : null;
}

/**
 * Reads the hash of a source.
 * @throws HashRefused.
 */
export function takeHash(foreign: ForeignHash): TakenHash {
  if (foreign.hash.startsWith(HEAD))
    throw new HashRefused(
      'hash_unknown_format',
      'this is how Postern stores hashes: import the original hash with its parameters',
    );
  const { hash, format, params: all = {} } = withoutKeys(foreign);
  const { params, secrets } = splitSecrets(all);
  const read = readHash(hash, format, params);
  const bare = !read.named && Object.keys(params).length === 0 && isRecognised(hash, read);
  return {
    ...read,
    secrets,
    stored: (secretsId) =>
      bare ? hash : writeStored({ hash, format: format ?? read.format, params, secretsId }),
  };
}

/** Whether the hash is read in the same way without its format's name. */
function isRecognised(hash: string, read: HashRead): boolean {
  try {
    return readHash(hash, undefined, {}).format === read.format;
  } catch {
    return false;
  }
}

/** Reads a stored hash. @throws HashRefused when something else stored it. */
export function readStored(stored: string): HashRead & Pick<Envelope, 'secretsId'> {
  const { hash, format, params, secretsId } = parseStored(stored);
  return { ...readHash(hash, format, params), secretsId };
}

/** A hash as the source gave it, for an export. @throws HashRefused. */
export function asForeign(stored: string, secrets: HashSecrets): ForeignHash {
  const { hash, format, params } = parseStored(stored);
  if (format === undefined) return { hash };
  const joined = joinSecrets(params, secrets);
  return { hash, format, ...(Object.keys(joined).length === 0 ? {} : { params: joined }) };
}
