import type { Actor } from '../../core/actor.ts';
import { noUser } from '../../storage/users.ts';
import { lookUp } from '../lookup.ts';
import { createRequestedLinks } from '../requested-links.ts';
import { isShared, sourceOfActor } from '../source.ts';
import type { ResetDependencies } from './dependencies.ts';
import { payloadOf } from './payload.ts';

export interface Requesting {
  /**
   * Sends a link to choose a new password to the address that counts of the account that is meant, if it is an active one:
   * a new address does not before it is proven. Takes the same work whether there is such an account or not.
   * @param input unchecked: an email address or a username, or an email address only.
   * @param options.locale the language of the request (BCP 47), for an account that has none of its own.
   * @returns whether there is such an account: for doors whose contract tells, and for nobody else.
   * @throws DomainError rate_limited, alike for accounts that do not exist; unavailable.
   */
  request(
    input: { identifier: unknown } | { email: unknown },
    actor: Actor,
    options?: { locale?: string | undefined },
  ): Promise<{ found: boolean }>;
}

/** Seconds that a link lasts. */
const RESET_TTL = 15 * 60;

/** Requests an hour: of one source for one account, of one source, and for one account by sources it does not know. */
const MOST = { pair: 10, source: 200, account: 30 };

export function requesting(dependencies: ResetDependencies): Requesting['request'] {
  const { users, limit, signIns, clock } = dependencies;
  const send = createRequestedLinks(dependencies, {
    purpose: 'reset-password',
    mail: 'password-reset',
    event: 'password.reset_requested',
    ttl: RESET_TTL,
  });

  /** The account that an address counts for until its new one is proven. */
  const movedFrom = async (subject: string) => {
    const [, key] = /^email:(.+)$/.exec(subject) ?? [];
    return key === undefined ? null : users.findMovedFrom(key);
  };

  return async (input, actor, { locale } = {}) => {
    const { subject, account: present } = await lookUp(users, input);
    const account = present ?? (await movedFrom(subject));
    // No account can be called this, and whoever typed it can know.
    if (subject === 'nobody') return { found: false };
    const source = sourceOfActor(actor);
    const isKnown = !isShared(source) && (await signIns.knows(account?.id ?? noUser.id, source, clock.now()));
    await limit([
      { of: `reset:${subject}\n${source}`, limit: MOST.pair },
      { of: `reset:${source}`, limit: MOST.source, unless: isShared(source) },
      { of: `reset:${subject}`, limit: MOST.account, unless: isKnown },
    ]);
    await send({
      accountId: account?.id ?? null,
      subject,
      actor,
      locale,
      isReachable: ({ status }) => status === 'active',
      payloadOf,
      isOwners: ({ ownerProvenAt }) => isKnown && ownerProvenAt !== null,
      reasonOf: (locked) => (locked ? 'account_suspended' : 'unknown_account'),
    });
    return { found: account !== null };
  };
}
