/** Why a foreign hash is not taken. */
export type HashRefusal = 'hash_unknown_format' | 'hash_malformed' | 'hash_cost_too_high' | 'hash_ambiguous';

/** A foreign hash that is not taken. Its message says why, never what the hash is. */
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
