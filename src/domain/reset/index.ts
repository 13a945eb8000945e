/** Password reset: a link by mail that sets a new password, once. It signs nobody in, and replaces no second factor. */
import { confirming, type Confirming } from './confirming.ts';
import type { ResetDependencies } from './dependencies.ts';
import { requesting, type Requesting } from './requesting.ts';

export type PasswordReset = Requesting & Confirming;

export function createPasswordReset(dependencies: ResetDependencies): PasswordReset {
  return { request: requesting(dependencies), ...confirming(dependencies) };
}
