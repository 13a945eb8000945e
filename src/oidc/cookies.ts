import type { Configuration } from 'oidc-provider';
import type { Secrets } from '../core/secrets.ts';

/**
 * The provider's cookies: signed, HttpOnly, SameSite=Lax, and over https Secure under a name that browsers bind to the
 * host (RFC 6265bis section 4.1.3). Those of an interaction live on its path alone.
 */
export function cookieSettings(publicUrl: string, secrets: Secrets): NonNullable<Configuration['cookies']> {
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
    keys: [secrets.key('cookies').toString('base64url')],
  };
}

/** The cookie that the tokens of the pages' forms go by; over https bound to the host by its name. */
export const csrfCookieName = (publicUrl: string): string =>
  publicUrl.startsWith('https:') ? '__Host-postern_csrf' : 'postern_csrf';
