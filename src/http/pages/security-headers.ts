import type { Context, Middleware } from 'koa';

/** Sources that a page needs beyond its own origin. */
export interface PageSources {
  /** URLs of external images: the client's logo, the brand's. */
  images?: readonly string[];
  /**
   * Whether a form of the page may lead to a client. Browsers apply `form-action` to every later redirect, including those of
   * the client to other origins and schemes, which cannot be listed here. Such a page omits `form-action`.
   */
  leadsToClient?: boolean;
  /** External pages that are loaded in frames. */
  frames?: readonly string[];
}

/**
 * Hosts that are safe in a CSP. A URL's host may contain `;`, which would end the directive, or `*`, which would match any
 * host.
 */
const PLAIN_HOST = /^[a-z0-9._-]+$/;

/**
 * A URI as a CSP source: its origin, or its scheme when CSP cannot express the origin (RFC 8252 apps, IPv6); undefined for a
 * host that is not a DNS name.
 */
function source(uri: string): string | undefined {
  const url = URL.parse(uri);
  if (!url) return undefined;
  const { protocol, hostname, origin } = url;
  if (!/^https?:$/.test(protocol) || hostname.startsWith('[')) return protocol;
  return PLAIN_HOST.test(hostname) ? origin : undefined;
}

function directive(name: string, ownOrigin: string, uris: readonly string[] = []): string {
  const sources = uris.map(source).filter((found) => found !== undefined);
  return [name, ownOrigin, ...new Set(sources)].filter(Boolean).join(' ');
}

/** The Content-Security-Policy of a page: nothing inline, nothing external, no framing. */
export const contentSecurityPolicy = ({
  images,
  leadsToClient = false,
  frames = [],
}: PageSources = {}): string =>
  [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `connect-src 'self'`,
    directive('img-src', `'self' data:`, images),
    ...(leadsToClient ? [] : [`form-action 'self'`]),
    ...(frames.length > 0 ? [directive('frame-src', '', frames)] : []),
    `base-uri 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ');

const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy':
    'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)',
};

/** Sets the headers of every page on the reply. */
export function setPageHeaders(ctx: Context, sources: PageSources = {}): void {
  ctx.set({ ...HEADERS, 'Content-Security-Policy': contentSecurityPolicy(sources) });
}

/** The same as middleware, for replies without a rendered page: redirects, empty replies. */
export const pageHeaders: Middleware = async (ctx, next) => {
  setPageHeaders(ctx);
  await next();
};
