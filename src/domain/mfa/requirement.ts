import type { Settings } from '../../config/index.ts';
import { epochSeconds } from '../../core/clock.ts';
import { rolesOf } from '../operators/rights.ts';
import type { MfaDependencies } from './dependencies.ts';

/** An authentication method. */
export type Method =
  | 'password'
  /** A sign-in at another provider, whatever it required. */
  | 'federated'
  /** A link that was mailed to the account's verified address. */
  | 'mail'
  /** A code of an authenticator app. */
  | 'otp'
  | 'recovery'
  /** A passkey with user verification, by a PIN or biometrics: two factors in one. */
  | 'passkey'
  /** A passkey without user verification. */
  | 'security_key';

/** How strong a login is: one factor, two, or two that resist phishing. */
export type Acr = 'urn:postern:acr:1fa' | 'urn:postern:acr:2fa' | 'urn:postern:acr:phr';

/**
 * Authentication method references (RFC 8176). `fed` and `email` are not registered there, but others use them. `pop`, not `hwk`
 * or `swk`: authenticators are not asked to prove how they keep their keys. No registered method means a recovery code; `mfa`
 * shows it.
 */
const AMR: Readonly<Record<Method, string[]>> = {
  password: ['pwd'],
  federated: ['fed'],
  mail: ['email'],
  otp: ['otp'],
  recovery: [],
  passkey: ['pop', 'user'],
  security_key: ['pop', 'user'],
};

/** The `amr` (RFC 8176) and `acr` (OpenID Connect Core section 2) of somebody who has used `methods`. */
export function strengthOf(methods: readonly Method[]): { amr: string[]; acr: Acr } {
  const verified = methods.includes('passkey');
  const multiple = verified || methods.length > 1;
  const amr = [...methods.flatMap((method) => AMR[method]), ...(multiple ? ['mfa'] : [])];
  if (verified) return { amr, acr: 'urn:postern:acr:phr' };
  return { amr, acr: multiple ? 'urn:postern:acr:2fa' : 'urn:postern:acr:1fa' };
}

/** Who must have a second factor. */
export interface Requirement {
  applies(account: { roles: string[]; groupRoles?: string[] }): boolean;
}

/** @param settings read on every call: they change while the server runs. */
export const createRequirement = (settings: Pick<Settings['mfa'], 'requiredForRoles'>): Requirement => ({
  applies: (account) => {
    const roles = rolesOf(account);
    return settings.requiredForRoles.some((role) => roles.includes(role));
  },
});

/** Maximum age in seconds of a login that may change how one signs in. */
export const FRESH = 600;

export interface Freshness {
  /**
   * Whether a login may change how one signs in: a few minutes old, and with a second factor if the account had one by then. A
   * remembered device does not count.
   * @param login.authTime seconds since the epoch; both are undefined when the login is unknown.
   * @returns null when it may; otherwise the requirements for another login: no older than `maxAge` seconds, as strong as `acr`.
   */
  lacking(
    accountId: string,
    login: { authTime: number | undefined; acr: string | undefined },
  ): Promise<{ maxAge: number; acr: Acr | null } | null>;
}

type Dependencies = Pick<MfaDependencies, 'totp' | 'passkeys' | 'clock'>;

export function createFreshness({ totp, passkeys, clock }: Dependencies): Freshness {
  const ONE: Acr = 'urn:postern:acr:1fa';
  const TWO: Acr = 'urn:postern:acr:2fa';
  return {
    async lacking(accountId, { authTime = 0, acr = ONE }) {
      const isOld = epochSeconds(clock) - authTime >= FRESH;
      const factors =
        acr === ONE ? (await Promise.all([totp.list(accountId), passkeys.list(accountId)])).flat() : [];
      const isWeak = factors.some(({ createdAt }) => isOld || createdAt.getTime() < authTime * 1000);
      return isOld || isWeak ? { maxAge: FRESH, acr: isWeak ? TWO : null } : null;
    },
  };
}
