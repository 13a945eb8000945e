/**
 * A way in for owners whom strangers have locked out by wrong passwords: a link by mail that signs in without a new
 * password, while the lock lasts. It is the first factor; a second one is asked for as after a password.
 */
import type { SignInLinkDependencies } from './dependencies.ts';
import { redeeming, type Redeeming } from './redeeming.ts';
import { requesting, type Requesting } from './requesting.ts';

export type SignInLinks = Requesting & Redeeming;

export function createSignInLinks(dependencies: SignInLinkDependencies): SignInLinks {
  return { request: requesting(dependencies), ...redeeming(dependencies) };
}
