import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Identity } from '../../upstream/identity.ts';
import type { Once } from '../login-steps.ts';
import type { Authentication, LoginStep } from '../login.ts';
import { insert, prepare } from '../users/creation.ts';
import type { UpstreamDependencies } from './dependencies.ts';
import { identityDetails } from './linking.ts';

export interface SigningIn {
  /**
   * Signs in who has come back from another provider; makes the account when there is none and people may make their own.
   * @param browser.device the token of a remembered device, unchecked.
   * @param browser.once the sign-in that it came back from, which this uses up.
   * @param browser.locale the language of its pages (BCP 47), which a new account keeps.
   * @throws DomainError identity_unknown when no account is connected and none can be made: with the reason `closed`;
   *   `unproven`, when an address is missing that the provider is trusted in and ours has to be confirmed by mail; or
   *   `exists`, when the address is an account's. What the login throws.
   */
  signIn(
    identity: Identity,
    browser: { device: unknown; locale: string; once: Once },
    actor: Actor,
  ): Promise<Authentication | { pending: LoginStep }>;
}

export function signingIn(dependencies: UpstreamDependencies): SigningIn {
  const { identities, inTransaction, audit, verification, logins, registration } = dependencies;

  /** A new account, and that the identity is its own. @returns its id. */
  const create = async (identity: Identity, locale: string, actor: Actor): Promise<string> => {
    const { email, emailVerified, name } = identity;
    if (!registration.open) throw new DomainError('identity_unknown', { reason: 'closed' });
    // Whether somebody has an address is told to nobody but its owner.
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
        // Perhaps another tab was a little faster.
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

/** A name that accounts can have, of what a stranger's service says; else none. */
function shownName(name: string | null): string | null {
  const clean = name?.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '').trim() ?? '';
  return clean === '' || clean.length > 100 ? null : clean;
}
