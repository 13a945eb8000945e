import type { IncomingMessage } from 'node:http';
import { ENDPOINTS, METADATA_PATHS } from '../oidc/endpoints.ts';

/** The handler; `pages` also answers 404 for unknown paths. */
export type Owner =
  'provider' | 'ops' | 'assets' | 'pages' | 'console' | 'api' | 'scim' | 'contracts' | 'dev-mail';

export interface Route {
  /** One or two segments of a path. Includes the paths below it, except those with a longer prefix. */
  prefix: string;
  owner: Owner;
  /** Metric label; never derived from the request. */
  label: string;
  /** Whether a contract at the root may have operations here. */
  claimable: boolean;
}

const routes = (owner: Owner, label: string, ...prefixes: string[]): Route[] =>
  prefixes.map((prefix) => ({ prefix, owner, label, claimable: false }));

/**
 * Every prefix of Postern's own. At a contract's own host, only the provider, ops and assets take precedence over the contract.
 */
export const ROUTES: readonly Route[] = [
  ...Object.values(ENDPOINTS).flatMap((path) => routes('provider', path.slice(1), path)),
  ...routes('provider', 'discovery', ...METADATA_PATHS),
  ...routes('provider', 'other', '/oauth2'),
  ...routes('ops', 'ops', '/livez', '/readyz', '/metrics'),
  ...routes('assets', 'assets', '/assets'),
  ...routes('pages', 'assets', '/favicon.ico', '/apple-touch-icon.png'),
  ...routes(
    'pages',
    'pages',
    '/',
    '/account',
    '/forgot-password',
    '/interaction',
    '/register',
    '/reset-password',
    '/sign-in',
    '/sign-in-link',
    '/sign-out',
    '/signed-out',
    '/undo',
    '/upstream',
    '/verify-email',
  ),
  ...routes('console', 'pages', '/admin'),
  ...routes('pages', 'discovery', '/.well-known'),
  ...routes('api', 'api', '/api/v2'),
  ...routes('scim', 'scim', '/scim/v2'),
  // Open contracts have their own labels.
  ...routes('contracts', 'other', '/contracts'),
  ...routes('dev-mail', 'dev-mail', '/dev/mail'),
];

/** Every other path. */
const REST: Route = { prefix: '', owner: 'contracts', label: 'other', claimable: true };

/** @koa/router ignores case; nothing else here does. */
const ANY_CASE = new Set<Owner>(['pages', 'console', 'dev-mail']);

const byPrefix = (routes: readonly Route[]) => new Map(routes.map((route) => [route.prefix, route]));
const exact = byPrefix(ROUTES);
const anyCase = byPrefix(ROUTES.filter(({ owner }) => ANY_CASE.has(owner)));

function match(routes: Map<string, Route>, path: string): Route | undefined {
  const first = path.indexOf('/', 1);
  if (first === -1) return routes.get(path);
  const second = path.indexOf('/', first + 1);
  const two = second === -1 ? path : path.slice(0, second);
  return routes.get(two) ?? routes.get(path.slice(0, first));
}

/** @param path without a query. */
export const findRoute = (path: string): Route =>
  match(exact, path) ?? match(anyCase, path.toLowerCase()) ?? REST;

const ROUTE = Symbol('route');
type Routed = IncomingMessage & { [ROUTE]?: Route };

/** Records the route of a request: the listener by its path, a contract that answers it by its own. */
export function setRoute(req: IncomingMessage, route: Route): void {
  (req as Routed)[ROUTE] = route;
}

export const routeOf = (req: IncomingMessage): Route => (req as Routed)[ROUTE] ?? REST;
