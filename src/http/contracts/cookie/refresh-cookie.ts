import {
  constantTimeEqual,
  type Context,
  type ContractServices,
  DEFAULT_LIFETIMES,
  DomainError,
} from '../door.ts';
const REFRESH = 'refresh_token';
const CSRF = 'csrf_token';
const CSRF_HEADER = 'X-CSRF-Token';

type Services = Pick<ContractServices, 'publicUrl' | 'secrets' | 'settings'>;

/** Seconds that the cookies live: as long as the refresh token. */
const maxAge = ({ settings }: Services): number => (settings.tokens['cookie'] ?? DEFAULT_LIFETIMES).refresh;

/** Path below the contract's mount, so that the token is sent only to the endpoints that read it. */
const pathOf = (ctx: Context): string => `${/^\/contracts\/[^/]+/.exec(ctx.path)?.[0] ?? ''}/auth`;

/** Bound to the refresh token, so that a cookie planted from a neighbouring host proves nothing. */
const csrfToken = ({ secrets }: Services, refreshToken: string): string =>
  secrets.mac('contract-csrf', refreshToken);

function setCookies(ctx: Context, services: Services, seconds: number, refresh: string, csrf: string): void {
  const secure = services.publicUrl.startsWith('https:');
  // TLS may end at an untrusted proxy, so go by the public URL.
  ctx.cookies.secure = secure;
  const common = { maxAge: seconds * 1000, sameSite: 'lax', secure, signed: false, overwrite: true } as const;
  ctx.cookies.set(REFRESH, refresh, { ...common, path: pathOf(ctx), httpOnly: true });
  // Any page of this origin may read it.
  ctx.cookies.set(CSRF, csrf, { ...common, path: '/', httpOnly: false });
}

/** Gives the browser its refresh token, which scripts cannot read, and a CSRF token, which scripts of this origin can. */
export const setRefreshToken = (ctx: Context, services: Services, token: string): void =>
  setCookies(ctx, services, maxAge(services), token, csrfToken(services, token));

export const clearRefreshToken = (ctx: Context, services: Services): void =>
  setCookies(ctx, services, 0, '', '');

/**
 * The refresh token of the cookie, unless another site sent the request. Browsers state where a request comes from. Accept this
 * origin, refuse other sites, and require the CSRF token (a double submit) from other hosts of this site. A client that is not
 * a browser states nothing, and needs only the cookie.
 * @throws DomainError forbidden (reason `csrf`).
 */
export function readRefreshToken(ctx: Context, services: Services): string | undefined {
  const token = ctx.cookies.get(REFRESH, { signed: false });
  if (token === undefined) return undefined;
  const origin = originOf(ctx, services.publicUrl);
  const isProven = origin === 'near' && constantTimeEqual(csrfToken(services, token), ctx.get(CSRF_HEADER));
  if (origin === 'own' || isProven) return token;
  throw new DomainError('forbidden', { reason: 'csrf' });
}

/** Where a request comes from, by Fetch Metadata; by Origin for older browsers. */
function originOf(ctx: Context, publicUrl: string): 'own' | 'near' | 'foreign' {
  const site = ctx.get('Sec-Fetch-Site');
  if (site !== '')
    return site === 'same-origin' || site === 'none' ? 'own' : site === 'same-site' ? 'near' : 'foreign';
  const origin = ctx.get('Origin');
  const { origin: ownOrigin, protocol } = new URL(publicUrl);
  // X-Forwarded-Host is the contract's own hostname, if the request was for that.
  return ['', ownOrigin, `${protocol}//${ctx.get('X-Forwarded-Host')}`].includes(origin) ? 'own' : 'foreign';
}
