import { statSync } from 'node:fs';

/**
 * Files that take more than half a minute, whatever their size, longest first: started last, one of them
 * would delay
 * the end.
 */
const LONG = [
  'connecting/examples',
  'pages/views',
  'contracts/verify',
  'e2e/browser-behaviour',
  'ops/redis-failover',
  'storage/plans',
  'console/layout',
  'contracts/conformance',
  'contracts/fuzz',
  'e2e/people',
  'oidc/back-channel-logout',
  'cli/commands',
  'contracts/endings',
  'cli/first-start',
  'e2e/journey',
  'oidc/agents',
  'account/accessibility',
  'cli/users',
  'contracts/docs',
  'oidc/front-channel-logout',
  'ops/drain',
  'cli/doctor',
  'oidc/unanswered',
  'cli/login',
  'ops/faults',
  'ops/postgres-failover',
  'ops/rolling-upgrade',
  'ops/coordination',
  'mail/crash',
  'mail/dispatcher',
];

const rank = (path: string): number => {
  const at = LONG.findIndex((name) => path.endsWith(`${name}.test.ts`));
  return at === -1 ? LONG.length : at;
};

interface Test {
  path: string;
}

/** Orders test files for Jest: long-running ones first, then by size. */
export default class LongFirst {
  sort<T extends Test>(tests: readonly T[]): T[] {
    const sizes = new Map(tests.map(({ path }) => [path, statSync(path).size]));
    const bySize = tests.toSorted((one, other) => (sizes.get(other.path) ?? 0) - (sizes.get(one.path) ?? 0));
    return bySize.toSorted((one, other) => rank(one.path) - rank(other.path));
  }

  /** Results of earlier runs are not used. */
  cacheResults(): void {}

  allFailedTests<T extends Test>(tests: readonly T[]): T[] {
    return [...tests];
  }
}
