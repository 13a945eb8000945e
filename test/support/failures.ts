import { expect } from '@jest/globals';
import type { Postern } from './postern.ts';

/** Expects no internal failure in the server's output: no logged error, no stack trace. */
export function expectNoFailure({ output }: Pick<Postern, 'output'>): void {
  const failures = output()
    .split('\n')
    .filter((line) => /"level":"(?:error|fatal)"|^\s+at \S+/.test(line));
  expect(failures).toEqual([]);
}
