/** Whether an email address is its owner's: a link that proves it, at sign-up and when the address shall change. */
import { confirming, type Confirming } from './confirming.ts';
import type { VerificationDependencies } from './dependencies.ts';
import { requesting, type Requesting } from './requesting.ts';

export type { Shown, VerificationLink } from './confirming.ts';

export type Verification = Requesting & Confirming;

export function createVerification(dependencies: VerificationDependencies): Verification {
  return { ...requesting(dependencies), ...confirming(dependencies) };
}
