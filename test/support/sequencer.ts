import { statSync } from 'node:fs';

/** Files that took more than 45 seconds of a whole run, longest first: started last, one of them would delay the end. */
const LONG = [
  'contracts/fuzz',
  'pages/views',
  'connecting/examples',
  'ops/redis-failover',
  'storage/plans',
  'console/layout',
  'contracts/verify',
  'contracts/conformance',
  'cli/commands',
  'storage/postgres-embedded',
  'ops/postgres-failover',
  'e2e/browser-behaviour',
  'oidc/back-channel-logout',
  'account/accessibility',
  'ops/nodes',
  'cli/first-start',
  'ops/faults',
  'ops/floods',
  'contracts/docs',
  'ops/rolling-upgrade',
  'cli/users',
  'e2e/journey',
  'cli/roles',
  'console/same-act',
  'e2e/people',
  'ops/drain',
  'contracts/endings',
  'contracts/bad-input',
  'oidc/endings',
  'cli/doctor',
  'e2e/screenshots',
  'ops/promotion',
  'e2e/requests',
  'oidc/device',
  'legacy/walk',
  'contracts/tokens',
  'cli/refusals',
  'cli/clients',
  'oidc/unanswered',
  'storage/oidc-adapters',
  'storage/revocation',
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
