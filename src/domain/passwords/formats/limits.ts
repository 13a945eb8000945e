/** Why a foreign hash is rejected. */
export type HashRefusal = 'hash_unknown_format' | 'hash_malformed' | 'hash_cost_too_high' | 'hash_ambiguous';

/** A rejected foreign hash. The message gives the reason, never the hash. */
export class HashRefused extends Error {
  readonly code: HashRefusal;

  constructor(code: HashRefusal, message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws HashRefused hash_malformed. */
export function malformed(why: string): never {
  throw new HashRefused('hash_malformed', why);
}

const MIB = 2 ** 20;

/** Maximum cost of a hash: anybody who knows an account's name can trigger the work by a login attempt. */
export const MAX_COST = {
  /** Base-2 logarithm. */
  bcryptCost: 15,
  /** KiB. */
  argon2Memory: 256 * 1024,
  argon2Time: 20,
  argon2Parallelism: 16,
  /** Bytes: 128 * N * r. */
  scryptMemory: 256 * MIB,
  scryptParallelization: 16,
  pbkdf2Iterations: 10_000_000,
  shaCryptRounds: 5_000_000,
  phpassRounds: 2 ** 22,
  digestIterations: 1_000_000,
} as const;

/**
 * A cost as a number.
 * @param text decimal digits, or a number from parameters. @param min below it is malformed.
 * @throws HashRefused hash_malformed when it is no whole number or below `min`, hash_cost_too_high above `max`.
 */
export function cost(name: string, value: unknown, min: number, max: number): number {
  const number = typeof value === 'string' && /^\d{1,30}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < min)
    return malformed(`${name} is not a whole number from ${min}`);
  if (number > max) throw new HashRefused('hash_cost_too_high', `${name} is ${number}, more than ${max}`);
  return number;
}
