import { expect } from '@jest/globals';
import type { Postern } from './postern.ts';

/** Expects that nothing the server has written tells of a failure of its own: no error in its log, no stack. */
export function expectNoFailure({ output }: Pick<Postern, 'output'>): void {
  const failures = output()
    .split('\n')
    .filter((line) => /"level":"(?:error|fatal)"|^\s+at \S+/.test(line));
  expect(failures).toEqual([]);
}
