import { afterEach, expect, jest, test } from '@jest/globals';
import { createRevocation } from '../../src/storage/revocation.ts';
import { createSweeper } from '../../src/storage/oidc/sweeper.ts';
import { createDatabaseClock } from '../../src/storage/postgres/database-clock.ts';
import { openBackend, silent } from './backends.ts';

const HOUR = 3_600_000;
afterEach(() => {
  jest.restoreAllMocks();
});

/** Moves the clock of this machine forward. */
function setAhead(milliseconds: number): void {
  const now = Date.now;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + milliseconds);
}

test('the time is the database’s, whatever this machine’s clock says, and after it is corrected', async () => {
  const { pool } = await openBackend('PostgreSQL alone');
  const honest = Date.now();
  setAhead(HOUR);
  const clock = await createDatabaseClock(pool, silent);
  expect(Math.abs(clock.now() - honest)).toBeLessThan(10_000);
  expect(Math.round(clock.skew() / HOUR)).toBe(1);
  expect(await clock.isAstray()).toBe(true);
  jest.restoreAllMocks();
  expect(Math.abs(clock.skew())).toBeLessThan(1_000);
  expect(await clock.isAstray()).toBe(false);
  setAhead(-HOUR);
  expect(Math.abs(clock.now() - honest)).toBeLessThan(60_000);
  expect(await clock.isAstray()).toBe(true);
});

test('a revocation survives the sweep of a node whose clock is an hour ahead', async () => {
  const { pool } = await openBackend('PostgreSQL alone');
  setAhead(HOUR);
  const clock = await createDatabaseClock(pool, silent);
  const revocation = createRevocation({ pool, clock, logger: silent, longestToken: 1800 });
  jest.restoreAllMocks();
  await revocation.endToken('a-token', Date.now() / 1000 + 1800);
  setAhead(HOUR);
  const swept = await createSweeper({ pool, clock, logger: silent }).sweep();
  expect(swept['revocation_marks']).toBe(0);
  expect(await revocation.isRevoked({ jti: 'a-token', clientId: 'app' })).toBe(true);
});
