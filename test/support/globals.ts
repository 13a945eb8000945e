import type * as Globals from '@jest/globals';

/** Stands in for `@jest/globals` where Node loads the tests. */
const { TEST_GLOBALS } = globalThis as unknown as { TEST_GLOBALS: typeof Globals };
export const { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest, test } = TEST_GLOBALS;
