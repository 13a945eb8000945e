/**
 * Second factors: authenticator apps, passkeys, recovery codes for people who have lost them, and remembered browsers. A
 * password alone is one factor; `requirement.ts` says how strong each login is.
 */
import type { Actor } from '../../core/actor.ts';
import type { FactorCounts } from '../../storage/factors.ts';
import type { PasskeyRecord } from '../../storage/passkeys.ts';
import type { TotpRecord } from '../../storage/totp.ts';
import { present } from '../users/user.ts';
import { createFreshness, createRequirement, type Freshness, strengthOf } from './requirement.ts';
import { type CodeMethod, createCodeCheck } from './code-check.ts';
import type { MfaDependencies } from './dependencies.ts';
import { createFactorReset, factorChanges, type FactorReset } from './factor-changes.ts';
import { createPasskeys, type Passkeys } from './passkeys/index.ts';
import { createDevices, createRecoveryCodes, type Devices, type RecoveryCodes } from './recovery-codes.ts';
import { createTotp, type Totp } from './totp.ts';

export type { Acr } from './requirement.ts';
export { FRESH } from './requirement.ts';
export type { TotpRecord as Authenticator } from '../../storage/totp.ts';

/** Next steps after a correct password. */
export type SecondFactor = 'otp' | 'passkey' | 'recovery';

export interface MfaStatus {
  totp: TotpRecord[];
  passkeys: PasskeyRecord[];
  recoveryCodesLeft: number;
  /** Whether the account must have a second factor. */
  required: boolean;
  /** Factors to offer at a login; empty without one. */
  methods: SecondFactor[];
}

export interface Mfa extends Freshness {
  /** All factors of an account, for display. @throws DomainError user_not_found. */
  status(accountId: string): Promise<MfaStatus>;
  /** The next steps of the account's login after its password; empty without a second factor. One prepared statement. */
  methods(accountId: string): Promise<SecondFactor[]>;
  /** Whether a password is not enough for the account. One prepared statement. */
  hasSecondFactor(accountId: string): Promise<boolean>;
  /** Whether the policy (`mfa.requiredForRoles`) requires a second factor of the account. */
  isRequired(account: { roles: string[]; groupRoles?: string[] }): boolean;
  /**
   * Whether the account must have a second factor and has none. Then nothing acts for it, whatever it was given before, until it
   * has signed in on the pages and set one up.
   */
  lacksRequired(account: { id: string; roles: string[]; groupRoles?: string[] }): Promise<boolean>;
  /**
   * Checks the code of an authenticator app, or a recovery code, and uses it up.
   * @param proof.code what was typed, unchecked.
   * @returns what it was, and what it adds to the password's amr (RFC 8176).
   * @throws DomainError invalid_credentials with the field `otp`, account_locked, unavailable.
   */
  verify(
    accountId: string,
    proof: { code: unknown },
    actor: Actor,
  ): Promise<{ method: CodeMethod; amr: string[] }>;
  reset: FactorReset;
  totp: Totp;
  passkeys: Passkeys;
  recoveryCodes: RecoveryCodes;
  devices: Devices;
}

/** Recovery codes replace a factor; without a factor they are useless. */
function methodsOf({ totp, passkeys, recoveryCodes }: FactorCounts): SecondFactor[] {
  if (totp + passkeys === 0) return [];
  return [
    ...(passkeys > 0 ? (['passkey'] as const) : []),
    ...(totp > 0 ? (['otp'] as const) : []),
    ...(recoveryCodes > 0 ? (['recovery'] as const) : []),
  ];
}

export function createMfa(dependencies: MfaDependencies): Mfa {
  const { users, factors, totp, passkeys } = dependencies;
  const requirement = createRequirement(dependencies.settings);
  const changes = factorChanges(dependencies, requirement);
  const codes = createCodeCheck(dependencies);
  const methods = async (accountId: string) => methodsOf(await factors.count(accountId));

  return {
    async status(accountId) {
      const account = present(await users.findById(accountId));
      const [apps, keys, counts] = await Promise.all([
        totp.list(account.id),
        passkeys.list(account.id),
        factors.count(account.id),
      ]);
      return {
        totp: apps,
        passkeys: keys,
        recoveryCodesLeft: counts.recoveryCodes,
        required: requirement.applies(account),
        methods: methodsOf(counts),
      };
    },
    ...createFreshness(dependencies),
    methods,
    hasSecondFactor: async (accountId) => (await methods(accountId)).length > 0,
    isRequired: (account) => requirement.applies(account),
    lacksRequired: async (account) =>
      requirement.applies(account) && (await methods(account.id)).length === 0,
    async verify(accountId, { code }, actor) {
      const method = await codes.verify(accountId, code, actor);
      return { method, amr: strengthOf(['password', method]).amr.filter((value) => value !== 'pwd') };
    },
    reset: createFactorReset(dependencies),
    totp: createTotp(dependencies, changes),
    passkeys: createPasskeys(dependencies, changes),
    recoveryCodes: createRecoveryCodes(dependencies),
    devices: createDevices(dependencies),
  };
}
