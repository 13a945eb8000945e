import type { KindName } from './kinds.ts';

/** A change of a configuration file that failed; nothing is applied. */
export class ApplyFailure extends Error {
  constructor({ kind, id }: { kind: KindName; id: string }, cause: unknown) {
    super(`${kind} ${id}`, { cause });
  }
}
