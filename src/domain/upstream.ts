/**
 * Sign-in through another identity provider. An identity opens only the account it is linked to; its email address
 * never selects one. It is linked by creating an account, or by the owner of an account right after signing in to it.
 */
import type { Settings } from '../config/index.ts';
import type { Clock } from '../core/clock.ts';
import type { IdentityRecord } from '../storage/identities.ts';
import type { FactorStores } from '../storage/factors.ts';
import type { Stores } from '../storage/stores.ts';
import type { LoginSteps, Once } from './login-steps.ts';
import type { Authentication, Logins, LoginStep } from './login.ts';
import type { Notices } from './notices.ts';
import type { PasswordHasher } from './passwords/hasher.ts';
import type { PasswordPolicy } from './passwords/policy.ts';
import type { Verification } from './verification/index.ts';
import type { Actor } from '../core/actor.ts';
import { DomainError, isDomainError } from '../core/errors.ts';
import type { Identity } from '../upstream/identity.ts';
import { insert, prepare } from './users/creation.ts';
import { requireOwner } from './ownership/address.ts';
import { present } from './users/user.ts';

export type UpstreamAccounts = Linking & SigningIn;

export const createUpstreamAccounts = (dependencies: UpstreamDependencies): UpstreamAccounts => ({
  ...linking(dependencies),
  ...signingIn(dependencies),
});

/** Dependencies of sign-in through other providers. */
export interface UpstreamDependencies
  extends Pick<Stores, 'users' | 'identities' | 'audit' | 'inTransaction'>, Pick<FactorStores, 'factors'> {
  notices: Pick<Notices, 'factorAdded' | 'factorRemoved'>;
  verification: Pick<Verification, 'begin'>;
  logins: Pick<Logins, 'beginFederated'>;
  steps: Pick<LoginSteps, 'use'>;
  policy: PasswordPolicy;
  hasher: PasswordHasher;
  clock: Clock;
  registration: Settings['registration'] & { verifyEmail: boolean };
  /** The display name of a provider, while it exists. */
  nameOf(upstream: string): string | undefined;
}

export interface SigningIn {
  /**
   * Signs in a person who has returned from another provider; creates the account when there is none and self-registration is
   * open.
   * @param browser.device the token of a remembered device, unchecked.
   * @param browser.once the sign-in that it returned from, which this uses up.
   * @param browser.locale the language of its pages (BCP 47), which a new account keeps.
   * @throws DomainError identity_unknown when no account is linked and none can be created: with the reason `closed`;
   *   `unproven`, when the provider gives no address that it is trusted to verify, and ours must be confirmed by mail; or
   *   `exists`, when an account has the address. What the login throws.
   */
  signIn(
    identity: Identity,
    browser: { device: unknown; locale: string; once: Once },
    actor: Actor,
  ): Promise<Authentication | { pending: LoginStep }>;
}

export function signingIn(dependencies: UpstreamDependencies): SigningIn {
  const { identities, inTransaction, audit, verification, logins, registration } = dependencies;

  /** Creates an account with its identity. @returns its id. */
  const create = async (identity: Identity, locale: string, actor: Actor): Promise<string> => {
    const { email, emailVerified, name } = identity;
    if (!registration.open) throw new DomainError('identity_unknown', { reason: 'closed' });
    // Reveal only to the owner of an address whether it has an account.
    if (email === null || (!emailVerified && registration.verifyEmail))
      throw new DomainError('identity_unknown', { reason: 'unproven' });
    const user = await prepare(dependencies, { email, emailVerified, name: shownName(name), locale });
    return inTransaction(async (tx) => {
      const account = await insert(dependencies, user, actor, tx);
      const linked = await identities.create({ ...identity, accountId: account.id }, tx);
      if (!linked) throw new DomainError('identity_taken');
      const details = identityDetails(linked);
      await audit.record({ type: 'identity.linked', subject: account.id, details }, actor, tx);
      if (!emailVerified) await verification.begin(account, actor, tx);
      return account.id;
    });
  };

  const findOrCreate = async (identity: Identity, locale: string, actor: Actor): Promise<string> => {
    const known = await identities.use(identity);
    if (known) return known.accountId;
    try {
      return await create(identity, locale, actor);
    } catch (error) {
      if (isDomainError(error, 'email_taken') || isDomainError(error, 'identity_taken')) {
        // Perhaps another tab was faster.
        const made = await identities.use(identity);
        if (made) return made.accountId;
        throw new DomainError('identity_unknown', { reason: 'exists' }, { cause: error });
      }
      if (isDomainError(error, 'invalid_email'))
        throw new DomainError('identity_unknown', { reason: 'unproven' }, { cause: error });
      throw error;
    }
  };

  return {
    async signIn(identity, { device, locale, once }, actor) {
      const accountId = await findOrCreate(identity, locale, actor);
      return logins.beginFederated({ accountId, device, actor, once });
    },
  };
}

/** The provider's name of a person, if valid here; else none. */
function shownName(name: string | null): string | null {
  const clean = name?.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '').trim() ?? '';
  return clean === '' || clean.length > 100 ? null : clean;
}

export type LinkedIdentity = Pick<IdentityRecord, 'id' | 'upstream' | 'label' | 'createdAt' | 'lastUsedAt'>;

export interface Linking {
  /** The identities at other providers that open an account, in the order of linking. */
  identitiesOf(accountId: string): Promise<LinkedIdentity[]>;
  /**
   * Links an identity to the account of somebody who has just signed in to it, which the caller ensures.
   * @param once the sign-in that it came by, which this uses up.
   * @throws DomainError invalid_token when that was used before, user_not_found, email_unverified when nobody has proven the
   *   account's address, identity_taken.
   */
  link(accountId: string, identity: Identity, once: Once, actor: Actor): Promise<void>;
  /**
   * Unlinks an identity from an account.
   * @returns whether there was one.
   * @throws DomainError user_not_found, last_way_in when nothing else is left to sign in with.
   */
  unlink(accountId: string, id: string, actor: Actor): Promise<boolean>;
}

/** The audited fields of an identity. */
export const identityDetails = ({ upstream, issuer, subject }: IdentityRecord) => ({
  upstream,
  issuer,
  subject,
});

export function linking(dependencies: UpstreamDependencies): Linking {
  const { users, identities, factors, audit, inTransaction, notices, steps, nameOf } = dependencies;

  const factorOf = ({ id, upstream, label }: IdentityRecord) => ({
    id,
    kind: 'identity' as const,
    name: [nameOf(upstream) ?? upstream, label].filter(Boolean).join(': '),
  });

  return {
    identitiesOf: (accountId) => identities.listOf(accountId),
    link: (accountId, identity, once, actor) =>
      inTransaction(async (tx) => {
        await steps.use(once, tx);
        const account = present(await users.lock(accountId, tx));
        if (account.emailVerifiedAt === null) throw new DomainError('email_unverified');
        requireOwner(account);
        const linked = await identities.create({ ...identity, accountId: account.id }, tx);
        if (!linked) {
          const linked = await identities.listOf(account.id, tx);
          const { upstream, issuer, subject } = identity;
          // An identity that is already linked to the account counts as linked.
          const isOwn = linked.some(
            (one) => one.upstream === upstream && one.issuer === issuer && one.subject === subject,
          );
          if (isOwn) return;
          throw new DomainError('identity_taken');
        }
        const details = identityDetails(linked);
        await audit.record({ type: 'identity.linked', subject: account.id, details }, actor, tx);
        await users.advanceSecurity(account.id, tx);
        await notices.factorAdded(account, factorOf(linked), actor, tx);
      }),
    unlink: (accountId, id, actor) =>
      inTransaction(async (tx) => {
        const account = present(await users.lock(accountId, tx));
        const removed = await identities.delete(account.id, id, tx);
        if (!removed) return false;
        const left = await identities.listOf(account.id, tx);
        const { passkeys } = await factors.count(account.id, tx);
        const others = left.filter(({ upstream }) => nameOf(upstream) !== undefined);
        if (account.passwordHash === null && passkeys === 0 && others.length === 0)
          throw new DomainError('last_way_in');
        const details = identityDetails(removed);
        await audit.record({ type: 'identity.unlinked', subject: account.id, details }, actor, tx);
        await users.advanceSecurity(account.id, tx);
        await notices.factorRemoved(account, factorOf(removed), actor, tx);
        return true;
      }),
  };
}
