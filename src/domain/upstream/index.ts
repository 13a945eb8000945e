/**
 * Signing in by way of another provider. An identity there opens the account that it is connected with and no other: what
 * it says of an address never finds one. It becomes connected with an account that it makes, or by the owner of one who has
 * signed in to it just now.
 */
import type { UpstreamDependencies } from './dependencies.ts';
import { linking, type Linking } from './linking.ts';
import { signingIn, type SigningIn } from './signing-in.ts';

export type UpstreamAccounts = Linking & SigningIn;

export const createUpstreamAccounts = (dependencies: UpstreamDependencies): UpstreamAccounts => ({
  ...linking(dependencies),
  ...signingIn(dependencies),
});
