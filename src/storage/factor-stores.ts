import type { Pool } from 'pg';
import type { Secrets } from '../core/secrets.ts';
import { createFactors, type Factors } from './factors.ts';
import { createPasskeyStore, type PasskeyStore } from './passkeys.ts';
import { createRecoveryCodeStore, type RecoveryCodeStore } from './recovery-codes.ts';
import { createTotpStore, type TotpStore } from './totp.ts';
import { createTrustedDevices, type TrustedDevices } from './trusted-devices.ts';

/** All that is kept of second factors. */
export interface FactorStores {
  factors: Factors;
  totp: TotpStore;
  passkeys: PasskeyStore;
  recoveryCodes: RecoveryCodeStore;
  trustedDevices: TrustedDevices;
}

export function createFactorStores({ pool, secrets }: { pool: Pool; secrets: Secrets }): FactorStores {
  return {
    factors: createFactors(pool),
    totp: createTotpStore({ pool, secrets }),
    passkeys: createPasskeyStore(pool),
    recoveryCodes: createRecoveryCodeStore(secrets),
    trustedDevices: createTrustedDevices(pool),
  };
}
