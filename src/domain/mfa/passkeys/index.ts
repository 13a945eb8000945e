/** Passkeys (WebAuthn level 3): as the whole login, found by the browser, and as the second factor after a password. */
import type { PasskeyRecord } from '../../../storage/passkeys.ts';
import type { MfaDependencies } from '../dependencies.ts';
import type { FactorChanges, OwnFactors } from '../factor-changes.ts';
import { createPasskeyAuthentication, type PasskeyAuthentication } from './authentication.ts';
import { createChallenges } from './challenges.ts';
import { createPasskeyRegistration, type PasskeyRegistration } from './registration.ts';
import { passkeysWorkAt } from './replies.ts';

export type Passkeys = PasskeyRegistration &
  PasskeyAuthentication &
  OwnFactors<PasskeyRecord> & {
    /** Whether passkeys are possible: the service must have a domain name. */
    available: boolean;
  };

export function createPasskeys(dependencies: MfaDependencies, changes: FactorChanges): Passkeys {
  const challenges = createChallenges(dependencies);
  return {
    available: passkeysWorkAt(dependencies.publicUrl),
    ...createPasskeyRegistration(dependencies, challenges, changes),
    ...createPasskeyAuthentication(dependencies, challenges),
    ...changes.of('passkey', dependencies.passkeys),
  };
}
