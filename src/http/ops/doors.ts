/** The endpoints under /oauth2/: labels are never made of what a stranger asks for. */
const ENDPOINTS = new Set([
  'authorize',
  'token',
  'userinfo',
  'jwks',
  'introspect',
  'revoke',
  'logout',
  'par',
]);

const PAGES = [
  '',
  'account',
  'forgot-password',
  'interaction',
  'passkey',
  'register',
  'reset-password',
  'second-factor',
  'sign-in',
  'sign-in-link',
  'sign-out',
  'undo',
  'verify-email',
];

/** By the first segment of the path. */
const DOORS = new Map([
  ['.well-known', 'discovery'],
  ['livez', 'ops'],
  ['readyz', 'ops'],
  ['metrics', 'ops'],
  ['assets', 'assets'],
  ['favicon.ico', 'assets'],
  ['apple-touch-icon.png', 'assets'],
  ['api', 'api'],
  ['admin', 'admin'],
  ...PAGES.map((page): [string, string] => [page, 'pages']),
]);

/**
 * What tells the door that a path leads to: one of a few dozen names.
 * @param contracts the names of the contracts that there are.
 */
export function createDoorOf(contracts: readonly string[]): (path: string) => string {
  return (path) => {
    const [, first = '', second = ''] = path.split('/', 3);
    if (first === 'oauth2') return ENDPOINTS.has(second) ? `oauth2/${second}` : 'other';
    if (first === 'contracts') return contracts.includes(second) ? `contracts/${second}` : 'other';
    return DOORS.get(first) ?? 'other';
  };
}
