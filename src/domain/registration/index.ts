/**
 * Accounts that people make for themselves where nobody may find out who has one: the address first, by a link sent to
 * it, then all the rest. Until the link is used nothing is kept, so no password stands on an address that nobody proved,
 * and no username is taken by it.
 */
import { completing, type Completing } from './completing.ts';
import type { RegistrationDependencies } from './dependencies.ts';
import { registrationLinks } from './links.ts';
import { requesting, type Requesting } from './requesting.ts';

export type { RegistrationLink } from './links.ts';

export type Registration = Requesting & Completing;

export function createRegistration(dependencies: RegistrationDependencies): Registration {
  const links = registrationLinks(dependencies);
  return { ...requesting(dependencies, links), ...completing(dependencies, links) };
}
