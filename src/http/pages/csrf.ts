import type { Context } from 'koa';
import { DomainError } from '../../core/errors.ts';
import { randomToken } from '../../core/ids.ts';
import { constantTimeEqual, type Secrets } from '../../core/secrets.ts';
import { csrfCookieName } from '../../oidc/cookies.ts';

/** The form field that carries the token. */
export const CSRF_FIELD = 'csrf';

const COOKIE_VALUE = /^[\w-]{43}$/;

/** Whether the browser marks the request as cross-site. */
export function isForeign(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site');
  return site !== '' && site !== 'same-origin' && site !== 'none';
}

/** Protects the forms of the pages against submission by other sites. */
export interface Csrf {
  /** The token for the forms of this reply. Sets the browser's cookie if it is missing. */
  token(ctx: Context): string;
  /** Invalidates the forms open in the browser: they belong to another person's session. */
  renew(ctx: Context): void;
  /** @throws DomainError `forbidden` (reason `csrf`) unless `body` carries the token of the browser's cookie. */
  check(ctx: Context, body: unknown): void;
}

/**
 * A signed double submit: the token is the MAC of a random cookie, so that neither a forged form nor a cookie planted by a
 * neighbouring host passes.
 * @param publicUrl over https, the `__Host-` prefix binds the cookie to the host and to https.
 */
export function createCsrf({ secrets, publicUrl }: { secrets: Secrets; publicUrl: string }): Csrf {
  const secure = publicUrl.startsWith('https:');
  const name = csrfCookieName(publicUrl);
  const issued = new WeakMap<Context['req'], string>();
  const read = (ctx: Context): string | undefined => {
    const value = issued.get(ctx.req) ?? ctx.cookies.get(name, { signed: false });
    return value !== undefined && COOKIE_VALUE.test(value) ? value : undefined;
  };
  const issue = (ctx: Context): string => {
    const value = randomToken();
    issued.set(ctx.req, value);
    // TLS may end at an untrusted proxy, so go by the public URL.
    ctx.cookies.secure = secure;
    ctx.cookies.set(name, value, { signed: false, httpOnly: true, sameSite: 'lax', path: '/', secure });
    return value;
  };

  return {
    token(ctx) {
      const value = read(ctx) ?? issue(ctx);
      return secrets.mac('csrf', value);
    },

    renew: (ctx) => void issue(ctx),

    check(ctx, body) {
      const sent =
        typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[CSRF_FIELD] : undefined;
      const cookie = read(ctx);
      if (
        isForeign(ctx) ||
        cookie === undefined ||
        typeof sent !== 'string' ||
        !constantTimeEqual(sent, secrets.mac('csrf', cookie))
      ) {
        throw new DomainError('forbidden', { reason: 'csrf' });
      }
    },
  };
}
