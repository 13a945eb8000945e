import type { Settings } from '../../config/index.ts';
import { epochSeconds } from '../../core/clock.ts';
import type { Acr } from './acr.ts';
import { rolesOf } from '../operators/rights.ts';
import type { MfaDependencies } from './dependencies.ts';

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
