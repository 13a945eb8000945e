import { createHmac, createSecretKey } from 'node:crypto';
import type { Configuration } from 'oidc-provider';
import { constantTimeEqual, type Secrets } from '../core/secrets.ts';

/** The signer of Koa's cookies, with the interface of Keygrip. */
export interface CookieSigner {
  sign(value: string): string;
  verify(value: string, signature: string): boolean;
  /** The index of the key that made the signature; -1 when it is forged. */
  index(value: string, signature: string): number;
}

/**
 * Signs cookies with one key, as Keygrip does by default: HMAC-SHA-1 (RFC 2104) in base64url. Keygrip computes three HMACs per
 * check, and Node parses each key again: twenty times the work.
 */
function createCookieSigner(secrets: Secrets): CookieSigner {
  // Keygrip got this text; existing sessions depend on it.
  const key = createSecretKey(secrets.key('cookies').toString('base64url'), 'utf8');
  const sign = (value: string): string => createHmac('sha1', key).update(value).digest('base64url');
  const verify = (value: string, signature: string): boolean => constantTimeEqual(signature, sign(value));
  return { sign, verify, index: (value, signature) => (verify(value, signature) ? 0 : -1) };
}

/**
 * The provider's cookies: signed, HttpOnly, SameSite=Lax, and over https Secure with a name that browsers bind to the host (RFC
 * 6265bis section 4.1.3). Those of an interaction are limited to its path.
 */
export function cookieSettings(publicUrl: string, secrets: Secrets) {
  const secure = publicUrl.startsWith('https:');
  const common = { httpOnly: true, sameSite: 'lax', signed: true, secure } as const;
  return {
    names: {
      session: secure ? '__Host-postern_session' : 'postern_session',
      interaction: secure ? '__Secure-postern_interaction' : 'postern_interaction',
      resume: secure ? '__Secure-postern_resume' : 'postern_resume',
    },
    long: { ...common, path: '/' },
    short: common,
    keys: createCookieSigner(secrets),
  } satisfies Configuration['cookies'];
}

/** The cookie for the form tokens of pages; over https its name binds it to the host. */
export const csrfCookieName = (publicUrl: string): string =>
  publicUrl.startsWith('https:') ? '__Host-postern_csrf' : 'postern_csrf';
