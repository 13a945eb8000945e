import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import type { IdentityRecord } from '../../storage/identities.ts';
import type { Identity } from '../../upstream/identity.ts';
import type { Once } from '../login-steps.ts';
import { requireOwner } from '../ownership/standing.ts';
import { present } from '../users/user.ts';
import type { UpstreamDependencies } from './dependencies.ts';

export type LinkedIdentity = Pick<IdentityRecord, 'id' | 'upstream' | 'label' | 'createdAt' | 'lastUsedAt'>;

export interface Linking {
  /** The identities at other providers that open an account, by when they were connected. */
  identitiesOf(accountId: string): Promise<LinkedIdentity[]>;
  /**
   * Connects an identity with the account of somebody who has signed in to it just now: the caller's to make sure of.
   * @param once the sign-in that it came by, which this uses up.
   * @throws DomainError invalid_token when that was used before, user_not_found, email_unverified when nobody has shown that the account's address is theirs,
   *   identity_taken.
   */
  link(accountId: string, identity: Identity, once: Once, actor: Actor): Promise<void>;
  /**
   * Takes an identity off an account.
   * @returns whether there was such a one.
   * @throws DomainError user_not_found, last_way_in when nothing else is left to sign in with.
   */
  unlink(accountId: string, id: string, actor: Actor): Promise<boolean>;
}

/** What the audit keeps of an identity. */
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
          // What is the account's already is as good as connected now.
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
