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
  /** A passkey whose authenticator verified its user, by a PIN or biometrics: two factors in one. */
  | 'passkey'
  /** One whose authenticator only saw that somebody was there. */
  | 'security_key';

/** How strong a login is: one factor, two, or two that no other site can ask for (phishing-resistant). */
export type Acr = 'urn:postern:acr:1fa' | 'urn:postern:acr:2fa' | 'urn:postern:acr:phr';

/**
 * Authentication method references (RFC 8176); `fed` and `email` are none of its own, but what others say for them. `pop`, not `hwk` or `swk`: authenticators are not asked to prove how they
 * keep their keys. A recovery code is none of the registered methods; `mfa` tells of it.
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

/** @param settings read at each question: they change while the server runs. */
export const createRequirement = (settings: Pick<Settings['mfa'], 'requiredForRoles'>): Requirement => ({
  applies: (account) => {
    const roles = rolesOf(account);
    return settings.requiredForRoles.some((role) => roles.includes(role));
  },
});

/** Seconds for which a login is fresh enough to change how one signs in. */
export const FRESH = 600;

export interface Freshness {
  /**
   * Whether a login is enough to change how one signs in: a few minutes old, and with a second factor if the account had
   * one by then. A remembered device is none.
   * @param login.authTime seconds since the epoch; both are undefined when nothing is known of the login.
   * @returns null when it is; else what another login has to be: no older than `maxAge` seconds, as strong as `acr`.
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
