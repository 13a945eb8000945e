import type { Stores } from '../storage/stores.ts';
import { emailKeyOf } from './lookup.ts';
import { isEmailVerified } from './ownership/address.ts';

/** Somebody, as another issuer says. */
interface Identity {
  issuer: string;
  subject: string;
  email: string | undefined;
}

/** How somebody of an issuer is found here. */
interface LinkPolicy {
  /** By the identity that the account is linked with, or by its address. */
  link: 'subject' | 'email';
  /** Whose addresses the issuer answers for. */
  domains: readonly string[];
}

const domainOf = (email: string): string => email.slice(email.lastIndexOf('@') + 1).toLowerCase();

/**
 * Finds accounts by identities at other issuers. An account is found by an address alone when its owner has
 * proven that here, and the issuer answers for its domain. Never creates or links an account.
 */
export const linkedAccounts =
  ({ identities, users }: Pick<Stores, 'identities' | 'users'>) =>
  async ({ issuer, subject, email }: Identity, { link, domains }: LinkPolicy): Promise<string | null> => {
    if (link === 'subject') return subject.includes('\0') ? null : identities.accountOf(issuer, subject);
    if (email === undefined || !domains.includes(domainOf(email))) return null;
    const key = emailKeyOf(email);
    const user = key === null ? null : await users.findByEmailKey(key);
    return user && isEmailVerified(user) ? user.id : null;
  };
