import type { Stores } from '../storage/stores.ts';
import { emailKeyOf } from './lookup.ts';
import { isEmailVerified } from './ownership/address.ts';

/** A person, as another issuer identifies them. */
interface Identity {
  issuer: string;
  subject: string;
  email: string | undefined;
}

/** How to find the account of an issuer's person. */
interface LinkPolicy {
  /** By the linked identity, or by address. */
  link: 'subject' | 'email';
  /** Domains whose addresses the issuer vouches for. */
  domains: readonly string[];
}

const domainOf = (email: string): string => email.slice(email.lastIndexOf('@') + 1).toLowerCase();

/**
 * Finds accounts by identities at other issuers. An address alone is enough only if its owner has proven it here and the issuer
 * vouches for its domain. Never creates or links an account.
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
