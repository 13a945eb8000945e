/** The table of routes, compared with the actual routers: neither has what the other lacks. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import type Router from '@koa/router';
import type { Context } from 'koa';
import { me } from '../../src/http/api/me/index.ts';
import { planMounts } from '../../src/http/contracts/mounts.ts';
import { builtInContracts as allContracts } from '../../src/http/contracts/registry.ts';
import { lazily } from '../../src/http/lazily.ts';
import { docsPaths } from '../../src/http/endpoints/docs.ts';
import { findRoute, type Owner, ROUTES } from '../../src/http/routes.ts';
import { consoleRouter, pagesRouter, providerRouter } from './support/routers.ts';

const pathsOf = (router: Router): string[] => router.stack.map(({ path }) => String(path));

const served = new Map<Owner, string[]>([
  ['pages', pathsOf(pagesRouter())],
  ['console', pathsOf(consoleRouter())],
  ['api', me.map((operation) => `/api/v2${operation.path}`)],
  ['scim', ['/scim/v2/Users', '/scim/v2/Groups/:id', '/scim/v2/Bulk', '/scim/v2/.search']],
  ['ops', ['/livez', '/readyz', '/metrics']],
  ['dev-mail', ['/dev/mail', '/dev/mail/style.css', '/dev/mail/:id']],
  ['assets', ['/assets/theme.css']],
]);
beforeAll(async () => {
  served.set('provider', pathsOf(await providerRouter()));
});

/** Prefixes that nothing answers yet, or nothing directly. */
const KEPT = new Set(['/contracts', '/oauth2', '/.well-known']);

describe('the table of routes', () => {
  test.each<Owner>(['provider', 'ops', 'assets', 'pages', 'console', 'api', 'scim', 'dev-mail'])(
    'has all paths of %s',
    (owner) => {
      const paths = served.get(owner)!;
      expect(paths).not.toHaveLength(0);
      const astray = paths.filter((path) => findRoute(path).owner !== owner);
      expect(astray).toEqual([]);
    },
  );

  test('has no path that no router has', () => {
    const answered = new Set([...served.values()].flat().map((path) => findRoute(path).prefix));
    const stale = ROUTES.filter(({ prefix }) => !answered.has(prefix) && !KEPT.has(prefix));
    expect(stale).toEqual([]);
  });

  test('labels no endpoint as other', () => {
    const paths = [...served.values()].flat();
    expect(paths.filter((path) => findRoute(path).label === 'other')).toEqual([]);
  });

  test.each(allContracts)('allows the paths of $name at the root', (contract) => {
    const settings = { enabled: 'all' as const, root: [contract.name], hosts: {}, tokens: {} };
    expect(() => planMounts(allContracts, settings)).not.toThrow();
    const paths = [
      ...contract.operations.map(({ path }) => `${contract.basePath}${path}`),
      ...docsPaths(contract),
    ];
    for (const path of paths) {
      expect(findRoute(path)).toMatchObject({ owner: 'contracts', claimable: true });
      expect(findRoute(`/contracts/${contract.name}${path}`)).toMatchObject({
        owner: 'contracts',
        claimable: false,
      });
    }
  });

  test('has each prefix once, with at most two segments, in one case', () => {
    const prefixes = ROUTES.map(({ prefix }) => prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    for (const prefix of prefixes) expect(prefix).toMatch(/^\/([a-z0-9_.-]+(\/[a-z0-9_.-]+)?)?$/);
  });

  test.each([
    ['/', 'pages', 'pages'],
    ['/account/', 'pages', 'pages'],
    ['/Account', 'pages', 'pages'],
    ['/Interaction/some-uid/SIGN-IN', 'pages', 'pages'],
    ['/DEV/mail/', 'dev-mail', 'dev-mail'],
    ['/.Well-Known/change-password', 'pages', 'discovery'],
    // Paths are case-sensitive for every other router.
    ['/.Well-Known/openid-configuration', 'pages', 'discovery'],
    ['/OAuth2/token', 'contracts', 'other'],
    ['/API/v2/me', 'contracts', 'other'],
    ['/Livez', 'contracts', 'other'],
    ['/accounts', 'contracts', 'other'],
    ['/account-x/y', 'contracts', 'other'],
    ['/oauth2/token', 'provider', 'oauth2/token'],
    ['/oauth2/authorize/some-uid', 'provider', 'oauth2/authorize'],
    ['/oauth2/tokens', 'provider', 'other'],
    ['/device/some-uid', 'provider', 'device'],
    ['/devices', 'contracts', 'other'],
    ['/.well-known/openid-configuration', 'provider', 'discovery'],
    ['/.well-known/change-password', 'pages', 'discovery'],
    ['/api/v2', 'api', 'api'],
    ['/api/v20/me', 'contracts', 'other'],
    ['/api/v1/auth/validate', 'contracts', 'other'],
    ['/dev/mailbox', 'contracts', 'other'],
    ['', 'contracts', 'other'],
    ['*', 'contracts', 'other'],
    ['constructor', 'contracts', 'other'],
    ['/__proto__/x', 'contracts', 'other'],
  ])('finds %s', (path, owner, label) => {
    expect(findRoute(path)).toMatchObject({ owner, label });
  });
});

test('a router that failed to load is loaded again by the next request', async () => {
  let tries = 0;
  const room = lazily(async () => {
    tries += 1;
    if (tries === 1) throw new Error('too many open files');
    return (_ctx, next) => next();
  });
  const answer = () => room({} as Context, () => Promise.resolve('answered'));
  await expect(answer()).rejects.toThrow('too many open files');
  await expect(Promise.all([answer(), answer()])).resolves.toEqual(['answered', 'answered']);
  expect(tries).toBe(2);
});
