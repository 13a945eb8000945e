import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Settings } from '../../config/index.ts';
import { BoundedQueue } from './queue.ts';

/**
 * Password hashing behind a bounded queue, so that a flood of logins neither eats the memory nor takes every thread
 * that signing needs. Each method throws DomainError overloaded when too many wait already, and the reason of `signal`
 * when that aborts while it waits. Passwords are normalised to NFKC first (NIST SP 800-63B): what one keyboard
 * composes and another does not is one password.
 */
export interface PasswordHasher {
  /** @returns a PHC string: argon2id with the parameters of the configuration. */
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /** Whether `phc` was made of `password`. */
  verify(phc: string, password: string, signal?: AbortSignal): Promise<boolean>;
  /** Costs what `verify` costs, for accounts that do not exist or have no password. */
  verifyDummy(password: string, signal?: AbortSignal): Promise<false>;
  /** Whether `phc` was made with other parameters than today's. */
  needsRehash(phc: string): boolean;
  /** Hashes under way. */
  readonly running: number;
  /** Callers waiting for their turn. */
  readonly waiting: number;
}

/** Loaded with the first password: most commands hash none. */
const argon2 = () => import('@node-rs/argon2');

const base64 = (bytes: number): string => randomBytes(bytes).toString('base64').replaceAll('=', '');

/** The password hasher of one process. */
export function createPasswordHasher(settings: Settings['passwords']): PasswordHasher {
  const { memory, time, parallelism } = settings.argon2;
  const options = { memoryCost: memory, timeCost: time, parallelism };
  const prefix = `$argon2id$v=19$m=${memory},t=${time},p=${parallelism}$`;
  // No password has this hash; checking one against it costs the same as against any other.
  const dummy = `${prefix}${base64(16)}$${base64(32)}`;
  const queue = new BoundedQueue(
    settings.hashing.concurrency || Math.max(1, availableParallelism() - 1),
    settings.hashing.queue,
  );
  const check = (phc: string, password: string, signal?: AbortSignal) =>
    queue.run(async () => (await argon2()).verify(phc, password.normalize('NFKC')), signal);
  return {
    hash: (password, signal) =>
      queue.run(async () => (await argon2()).hash(password.normalize('NFKC'), options), signal),
    verify: check,
    async verifyDummy(password, signal) {
      await check(dummy, password, signal);
      return false;
    },
    needsRehash: (phc) => !phc.startsWith(prefix),
    get running() {
      return queue.running;
    },
    get waiting() {
      return queue.waiting;
    },
  };
}
