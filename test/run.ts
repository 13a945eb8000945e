/**
 * `npm test`: runs jest with the given arguments, provides what the tests ask for (one PostgreSQL, one
 * Redis, a browser),
 * and stops it all. Nothing is skipped: what is missing and cannot be installed fails the tests that need
 * it, or a
 * full run before it starts. `--unit` runs only the files that need no server, browser or other process.
 */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startProvisions } from './support/provisions.ts';
import { runJest, sweep } from './support/run-jest.ts';
import { unitTests } from './support/unit-tests.ts';

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

/** The arguments for jest: the command's own, and the files that `--unit` selects. */
async function jestArguments(): Promise<string[]> {
  const given = process.argv.slice(2);
  const others = given.filter((one) => one !== '--unit');
  return others.length === given.length ? given : [...others, '--runTestsByPath', ...(await unitTests())];
}

const folder = await mkdtemp(path.join(tmpdir(), 'postern-test-'));
try {
  // PostgreSQL may run as another user, who needs access.
  await chmod(folder, 0o711);
  const provisions = await startProvisions(folder);
  try {
    if (process.argv.length === 2) await provisions.all();
    process.exitCode = await runJest(await jestArguments(), {
      root: path.resolve(import.meta.dirname, '..'),
      environment: { TEST_FOLDER: folder, TEST_PROVISIONS: provisions.url },
      signal: interrupted.signal,
    });
  } finally {
    await provisions.stop();
  }
} finally {
  await sweep(folder);
}
