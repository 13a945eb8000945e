import { algorithm } from './algorithms.ts';
import { decode } from './encodings.ts';
import type { HashSecrets, Preparation, SecretName } from './recipe.ts';
import { malformed } from './limits.ts';

/** The encoding of each secret's bytes, unless a field beside it names another. */
const SECRETS: Record<SecretName, 'utf8' | 'base64'> = { key: 'utf8', pepper: 'utf8', signer_key: 'base64' };

/**
 * Removes the secrets from parameters: they are stored sealed, once for all hashes that share them.
 * @returns the parameters, with `true` in place of each secret, and the secrets, if there are any.
 * @throws HashRefused hash_malformed.
 */
export function splitSecrets(params: Readonly<Record<string, unknown>>): {
  params: Record<string, unknown>;
  secrets: HashSecrets | null;
} {
  const { key_encoding: keyEncoding = 'utf8', ...others } = params;
  const rest: Record<string, unknown> = others;
  const secrets: HashSecrets = {};
  for (const name of Object.keys(SECRETS) as SecretName[]) {
    const value = rest[name];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value === '') return malformed(`"${name}" is not text`);
    secrets[name] = decode(value, name === 'key' ? String(keyEncoding) : SECRETS[name]);
    rest[name] = true;
  }
  if ('key_encoding' in params && !secrets.key) return malformed('"key_encoding" without "key"');
  return { params: rest, secrets: Object.keys(secrets).length === 0 ? null : secrets };
}

/** The reverse, for an export. */
export function joinSecrets(params: Record<string, unknown>, secrets: HashSecrets): Record<string, unknown> {
  const joined = { ...params };
  for (const [name, bytes] of Object.entries(secrets))
    joined[name] = bytes.toString(name === 'pepper' ? 'utf8' : 'base64');
  return secrets.key ? { ...joined, key_encoding: 'base64' } : joined;
}

const POSITIONS = ['prefix', 'suffix'] as const;

/** The parameters of one hash, after `splitSecrets`. One that is not read is unknown to the format. */
export class Params {
  readonly #values: Map<string, unknown>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = new Map(Object.entries(values));
  }

  take(name: string): unknown {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value ?? undefined;
  }

  /** @throws HashRefused hash_malformed when it is no text. */
  text(name: string): string | undefined {
    const value = this.take(name);
    return value === undefined || typeof value === 'string' ? value : malformed(`"${name}" is not text`);
  }

  /** @throws HashRefused hash_malformed when it is none of `values`. */
  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.take(name);
    if (value === undefined || values.includes(value as T)) return value as T | undefined;
    return malformed(`"${name}" is not one of ${values.join(', ')}`);
  }

  /** The bytes of `salt`; none without. @throws HashRefused hash_malformed. */
  salt(): Buffer {
    const salt = decode(this.text('salt') ?? '', this.text('salt_encoding') ?? 'utf8');
    return salt.length > 1024 ? malformed('the salt has a wrong length') : salt;
  }

  /** Whether a secret is there. */
  has(name: SecretName): boolean {
    return this.take(name) === true;
  }

  position(name: string): 'prefix' | 'suffix' | undefined {
    return this.oneOf(name, POSITIONS);
  }

  /** Parameters of every format: pepper, prehash and the password's encoding. @throws HashRefused hash_malformed. */
  preparation(): Preparation {
    const position = this.position('pepper_position');
    const prehash = this.text('prehash');
    const encoding = this.oneOf('password_encoding', [
      'utf8',
      'utf16le',
      'ucs2',
      'latin1',
      'binary',
      'ascii',
    ]);
    const wide = encoding === 'utf16le' || encoding === 'ucs2';
    return {
      ...(this.has('pepper') ? { pepper: position ?? 'suffix' } : {}),
      ...(prehash === undefined ? {} : { prehash: prehashOf(prehash) }),
      ...(encoding === undefined || encoding === 'utf8'
        ? {}
        : { passwordEncoding: wide ? 'utf16le' : 'latin1' }),
    };
  }

  /** @throws HashRefused hash_malformed when something is left. */
  done(format: string): void {
    const [left] = this.#values.keys();
    if (left !== undefined) malformed(`${format} has no parameter ${JSON.stringify(left)}`);
  }
}

/** `sha256_hex`, `sha384_base64`, `md5_raw`. */
function prehashOf(text: string): NonNullable<Preparation['prehash']> {
  const [, name, encoding] =
    /^([a-z\d-]+)_(hex|base64|raw)$/.exec(text) ?? malformed('"prehash" must be like sha256_hex');
  return { algorithm: algorithm(name), encoding: encoding as 'hex' | 'base64' | 'raw' };
}
