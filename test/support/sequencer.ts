import { statSync } from 'node:fs';

/** Files that take long, whatever their size: begun last, one of them would keep the others waiting. */
const LONG = [
  'pages/views',
  'console/layout',
  'connecting/examples',
  'e2e/habits',
  'contracts/fuzz',
  'contracts/conformance',
  'cli/commands',
  'e2e/people',
  'contracts/docs',
  'cli/first-start',
  'account/accessibility',
  'ops/redis-failover',
  'ops/postgres-failover',
  'mail/crash',
  'ops/drain',
];

const rank = (path: string): number => {
  const at = LONG.findIndex((name) => path.endsWith(`${name}.test.ts`));
  return at === -1 ? LONG.length : at;
};

interface Test {
  path: string;
}

/** The order of the files, for Jest: the long ones first, then the larger ones. */
export default class LongFirst {
  sort<T extends Test>(tests: readonly T[]): T[] {
    const sizes = new Map(tests.map(({ path }) => [path, statSync(path).size]));
    const bySize = tests.toSorted((one, other) => (sizes.get(other.path) ?? 0) - (sizes.get(one.path) ?? 0));
    return bySize.toSorted((one, other) => rank(one.path) - rank(other.path));
  }

  /** Nothing is kept between two runs. */
  cacheResults(): void {}

  allFailedTests<T extends Test>(tests: readonly T[]): T[] {
    return [...tests];
  }
}
