import { expect, test } from '@jest/globals';
import { sha256, shortIdOf } from '../../src/core/ids.ts';

test('ids of secrets and keys never look like a command-line option', () => {
  const digests = Array.from({ length: 500 }, (_, index) => sha256(`secret ${index}`));
  expect(digests.some((digest) => digest.startsWith('-'))).toBe(true);
  for (const digest of digests) expect(shortIdOf(digest)).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set(digests.map(shortIdOf)).size).toBe(digests.length);
});
