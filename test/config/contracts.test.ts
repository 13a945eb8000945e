import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/index.ts';

const PRODUCTION = { NODE_ENV: 'production', PUBLIC_URL: 'https://login.example.com' };

test.each<[Record<string, string>, string[] | 'all']>([
  [{}, 'all'],
  [{ CONTRACTS: '' }, 'all'],
  [{ CONTRACTS: 'ppl' }, ['ppl']],
  [PRODUCTION, []],
  [{ ...PRODUCTION, CONTRACTS: '' }, []],
  [{ ...PRODUCTION, CONTRACTS: 'all' }, 'all'],
  [{ ...PRODUCTION, CONTRACTS: ' gateway, ppl' }, ['gateway', 'ppl']],
])('with %j the open contracts are %j', (environment, enabled) => {
  expect(loadConfig(environment).contracts.enabled).toEqual(enabled);
});
