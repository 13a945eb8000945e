import { LRUCache } from 'lru-cache';
import type { Secrets } from '../../core/secrets.ts';
import type { PasswordHashSecrets } from '../../storage/password-hash-secrets.ts';
import type { HashSecrets } from './formats/recipe.ts';
import { HashRefused, type HashRefusal } from './formats/limits.ts';
import {
  asForeign,
  type ForeignHash,
  plainPassword,
  readStored,
  takeHash,
  writeStored,
} from './formats/stored.ts';
import { isWeak } from './formats/weak.ts';
import { wrappedText } from './formats/wrapped.ts';
import { isToday, type PasswordHasher } from './hasher.ts';

export type { ForeignHash } from './formats/stored.ts';

/** The result of reading a source's hash. */
export type ReadHash =
  | {
      ok: true;
      /** For `users.password_hash`. */
      stored: string;
      /** For reports. */
      format: string;
      /** A fast digest or a low cost: `wrapWeak` protects it in the database. */
      weak: boolean;
    }
  /** It is the password itself: hash it by `PasswordHasher.hash`. */
  | { ok: true; plain: string; format: 'plain' }
  | { ok: false; code: HashRefusal; message: string };

/** Password hashes of other systems: import, storage and export. */
export interface ForeignHashes {
  /**
   * Reads a source's hash. Its secrets (keys, peppers, signer keys) are stored sealed, once for all hashes that share them,
   * except in a dry run.
   */
  read(foreign: ForeignHash, options?: { dryRun?: boolean }): Promise<ReadHash>;
  /**
   * Wraps a weak hash in argon2id with current parameters: hashes what its verifier derives, not the password. Returns any other
   * unchanged.
   * @param stored from `read`.
   * @throws DomainError overloaded.
   */
  wrapWeak(stored: string, signal?: AbortSignal): Promise<string>;
  /** The name of a stored hash's format in reports: `argon2id`, `wrapped`, a format's name, or `unknown`. */
  formatOf(stored: string): string;
  /**
   * A stored hash for an export, in a form that `read` accepts.
   * @throws HashRefused when something else stored it.
   */
  give(stored: string): Promise<ForeignHash>;
}

/** Hashes of secrets known to be stored, or the secrets. */
const MAX_CACHED = 1000;

/** Milliseconds: well within the day that unused secrets are kept. */
const KNOWN_FOR = 3_600_000;

const inBase64 = (secrets: HashSecrets): Record<string, string> =>
  Object.fromEntries(Object.entries(secrets).map(([name, bytes]) => [name, bytes.toString('base64')]));

const none: HashSecrets = {};

/** The secrets of stored hashes, by id; none if there are none. They never change. */
export function createHashSecrets(store: Pick<PasswordHashSecrets, 'find'>) {
  const cache = new LRUCache<string, HashSecrets>({ max: MAX_CACHED });
  return async (id: string | null): Promise<HashSecrets> => {
    if (id === null) return none;
    const known = cache.get(id);
    if (known) return known;
    const found = await store.find(id);
    if (!found) return none;
    const secrets = Object.fromEntries(
      Object.entries(found).map(([name, text]) => [name, Buffer.from(text, 'base64')]),
    );
    cache.set(id, secrets);
    return secrets;
  };
}

interface Parts {
  secrets: Secrets;
  store: PasswordHashSecrets;
  hasher: Pick<PasswordHasher, 'hashDerived'>;
}

export function createForeignHashes({ secrets, store, hasher }: Parts): ForeignHashes {
  const secretsOf = createHashSecrets(store);
  const kept = new LRUCache<string, true>({ max: MAX_CACHED, ttl: KNOWN_FOR });

  const keep = async (found: HashSecrets, dryRun: boolean): Promise<string> => {
    const texts = inBase64(found);
    const sorted = Object.entries(texts).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const id = secrets.mac('password-hash-secrets', JSON.stringify(sorted)).slice(0, 22);
    if (dryRun || kept.has(id)) return id;
    await store.keep(id, texts);
    kept.set(id, true);
    return id;
  };

  return {
    async read(foreign, { dryRun = false } = {}) {
      const plain = plainPassword(foreign);
      if (plain !== null) return { ok: true, plain, format: 'plain' };
      try {
        const taken = takeHash(foreign);
        const id = taken.secrets ? await keep(taken.secrets, dryRun) : null;
        return { ok: true, stored: taken.stored(id), format: taken.format, weak: isWeak(taken.readings) };
      } catch (error) {
        if (error instanceof HashRefused) return { ok: false, code: error.code, message: error.message };
        throw error;
      }
    },
    async wrapWeak(stored, signal) {
      if (isToday(stored)) return stored;
      const { readings, secretsId } = readStored(stored);
      const [first] = readings;
      if (!first || !isWeak(readings)) return stored;
      const hash = wrappedText(readings, await hasher.hashDerived(first.digest, signal));
      const found = await secretsOf(secretsId);
      // Its parameters name the secrets it needs; the recipe contains the rest.
      const params = Object.fromEntries(Object.keys(found).map((name) => [name, true]));
      return secretsId === null ? hash : writeStored({ hash, format: 'wrapped', params, secretsId });
    },
    formatOf(stored) {
      if (isToday(stored)) return 'argon2id';
      try {
        return readStored(stored).format;
      } catch {
        return 'unknown';
      }
    },
    async give(stored) {
      if (isToday(stored)) return { hash: stored };
      return asForeign(stored, await secretsOf(readStored(stored).secretsId));
    },
  };
}
