import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Settings } from '../../config/index.ts';
import type { HashSecrets } from './formats/recipe.ts';
import { readStored } from './formats/stored.ts';
import { trimmed } from './formats/verify.ts';
import { isWeak } from './formats/weak.ts';
import { BoundedQueue } from './queue.ts';
import { VerifierThreads } from './threads.ts';

/**
 * Password hashing behind a bounded queue, so that a flood of logins neither exhausts memory nor takes every thread that signing
 * needs. Each method throws DomainError overloaded when too many wait already, and the reason of `signal` when that aborts while
 * it waits. New hashes are made from the password in NFKC (NIST SP 800-63B), because keyboards compose characters differently. A
 * hash of another system is first tried with the password as typed.
 */
export interface PasswordHasher {
  /** @returns a PHC string: argon2id with the parameters of the configuration. */
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /** The same for bytes that another hash has derived. */
  hashDerived(bytes: Uint8Array, signal?: AbortSignal): Promise<string>;
  /**
   * Whether `stored` was made from `password`: an argon2id of Postern, or a hash of another system, which separate threads
   * verify. False for unverifiable hashes.
   *
   * Timing: a wrong password for a fast foreign hash costs a current argon2 as well. A slow one costs its own time; after the
   * first such hash every refusal of this process takes as long as the slower ones, up to two seconds. So an imported account
   * may be revealed by the first refusal after a start, by a hash slower than that, and by statistics over many refusals, which
   * wait where others work.
   */
  verify(stored: string, password: string, signal?: AbortSignal): Promise<boolean>;
  /** Costs what `verify` costs, for accounts that do not exist or have no password. */
  verifyDummy(password: string, signal?: AbortSignal): Promise<false>;
  /**
   * Whether `stored` was made with other parameters than the current ones, or by another system.
   * @param password the right one, if known. WordPress trims passwords: a hash that may match only the trimmed one stays as it
   *   is, so that both keep working.
   */
  needsRehash(stored: string, password?: string): boolean;
  /** Hashes under way. */
  readonly running: number;
  /** Callers waiting for their turn. */
  readonly waiting: number;
}

/** Loaded with the first password: most commands don't need it. */
const argon2 = () => import('@node-rs/argon2');

const base64 = (bytes: number): string => randomBytes(bytes).toString('base64').replaceAll('=', '');

/** Whether a hash is of Postern's kind, whatever its cost. */
export const isToday = (stored: string): boolean =>
  /^\$argon2id\$v=19\$[mtp]=\d+,[mtp]=\d+,[mtp]=\d+\$[\w+/]+\$[\w+/]+$/.test(stored);

/** Maximum milliseconds that a refusal is delayed. */
const MAX_HOLD = 2000;

/** Fractions by which the floor moves up to a slower foreign hash, and down to a faster one. */
const FLOOR = { up: 0.5, down: 0.05 };

/**
 * The password hasher of one process.
 * @param secretsOf the secrets of a foreign hash.
 */
export function createPasswordHasher(
  settings: Settings['passwords'],
  secretsOf: (id: string | null) => Promise<HashSecrets> = () => Promise.resolve({}),
): PasswordHasher {
  const { memory, time, parallelism } = settings.argon2;
  const options = { memoryCost: memory, timeCost: time, parallelism };
  const prefix = `$argon2id$v=19$m=${memory},t=${time},p=${parallelism}$`;
  // No password has this hash; checking one against it costs the same as any other check.
  const dummy = `${prefix}${base64(16)}$${base64(32)}`;
  const queue = new BoundedQueue(
    settings.hashing.concurrency || Math.max(1, availableParallelism() - 1),
    settings.hashing.queue,
  );
  const threads = new VerifierThreads();
  /** Milliseconds that the slowest foreign hashes take. */
  let floor = 0;

  /** As Postern hashed it; then as typed, for an argon2id that another system made. */
  const verifyToday = async (phc: string, password: string): Promise<boolean> => {
    const { verify } = await argon2();
    const folded = password.normalize('NFKC');
    if (await verify(phc, folded)) return true;
    return folded !== password && (await verify(phc, password));
  };

  /** An unreadable hash verifies no password, in the time of a readable one. */
  const read = (stored: string) => {
    try {
      return readStored(stored);
    } catch {
      return null;
    }
  };

  const verifyForeign = async (stored: string, password: string): Promise<boolean> => {
    const found = read(stored);
    if (!found) return (await verifyToday(dummy, password)) && false;
    const secrets = await secretsOf(found.secretsId);
    const { right, took } = await threads.verify({ stored, password, secrets });
    const start = performance.now();
    if (!right && isWeak(found.readings)) await verifyToday(dummy, password);
    const next = Math.min(took + performance.now() - start, MAX_HOLD);
    floor = floor === 0 ? next : floor + (next - floor) * (next > floor ? FLOOR.up : FLOOR.down);
    return right;
  };

  const check = async (stored: string, password: string, signal?: AbortSignal): Promise<boolean> => {
    let start = 0;
    const right = await queue.run(async () => {
      start = performance.now();
      return (isToday(stored) ? verifyToday : verifyForeign)(stored, password);
    }, signal);
    const rest = floor - (performance.now() - start);
    if (!right && rest > 0)
      await setTimeout(rest, undefined, { signal }).catch(() => signal?.throwIfAborted());
    return right;
  };

  return {
    hash: (password, signal) =>
      queue.run(async () => (await argon2()).hash(password.normalize('NFKC'), options), signal),
    hashDerived: (bytes, signal) => queue.run(async () => (await argon2()).hash(bytes, options), signal),
    verify: check,
    async verifyDummy(password, signal) {
      await check(dummy, password, signal);
      return false;
    },
    needsRehash(stored, password) {
      if (stored.startsWith(prefix)) return false;
      if (password === undefined || trimmed(password) === password || isToday(stored)) return true;
      return !readStored(stored).readings.some(({ recipe }) => recipe.trims);
    },
    get running() {
      return queue.running;
    },
    get waiting() {
      return queue.waiting;
    },
  };
}
