import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type ForeignHash, readStored, takeHash } from '../../../src/domain/passwords/formats/stored.ts';
import { verifyReadings } from '../../../src/domain/passwords/formats/verify.ts';

interface Vector extends ForeignHash {
  password: string;
  /** What made it. */
  tool: string;
}

const vectors = JSON.parse(readFileSync(new URL('vectors/tools.json', import.meta.url), 'utf8')) as Vector[];

/** Whether the hash is the password's, once it has rested. */
async function verifies(given: ForeignHash, password: string): Promise<boolean> {
  const taken = takeHash(given);
  const { readings } = readStored(taken.stored(taken.secrets ? 'its-id' : null));
  return verifyReadings(readings, password, taken.secrets ?? {});
}

describe('a hash made by', () => {
  test.each(vectors)('$tool verifies: $hash', async ({ password, ...given }) => {
    expect(await verifies(given, password)).toBe(true);
    expect(await verifies(given, `${password}x`)).toBe(false);
  });
});
