import type { Actor } from '../../core/actor.ts';
import { sha256 } from '../../core/ids.ts';
import { constantTimeWork } from '../../storage/constant-time-work.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import { noUser, type UserRecord } from '../../storage/users.ts';
import { lookUp } from '../lookup.ts';
import { eventDetailsOf, recipientOf } from '../notices/recipient.ts';
import { isShared, sourceOfActor } from '../source.ts';
import type { ResetDependencies } from './dependencies.ts';
import { payloadOf, type ResetPayload } from './payload.ts';

export interface Requesting {
  /**
   * Sends a link to choose a new password to the address that counts of the account that is meant, if it is an active one:
   * a new address does not before it is proven. Takes the same work whether there is such an account or not. Links sent earlier stay valid, so that nobody can end another's
   * by asking again.
   * @param typed unchecked: an email address or a username, or an email address only.
   * @param options.locale the language of the request (BCP 47), for an account that has none of its own.
   * @returns whether there is such an account: for doors whose contract tells, and for nobody else.
   * @throws DomainError rate_limited, alike for accounts that do not exist; unavailable.
   */
  request(
    typed: { identifier: unknown } | { email: unknown },
    actor: Actor,
    options?: { locale?: string | undefined },
  ): Promise<{ found: boolean }>;
}

/** Seconds that a link lasts. */
const RESET_TTL = 15 * 60;

/** Requests an hour: of one source for one account, of one source, and for one account by sources it does not know. */
const MOST = { pair: 10, source: 200, account: 30 };

interface Request {
  /** What a letter to nobody counts as one to. */
  subject: string;
  /** Whether it comes from where the account was signed in of late: then the owner's mailbox need not have room. */
  isKnown: boolean;
  actor: Actor;
  locale: string | undefined;
}

export function requesting(dependencies: ResetDependencies): Requesting['request'] {
  const { users, tokens, outgoingMail, audit, inTransaction, limit, signIns, clock } = dependencies;

  const send = async (account: UserRecord | null, { subject, isKnown, actor, locale }: Request, tx: Tx) => {
    const addressee = account ?? noUser;
    const payload: ResetPayload = payloadOf(addressee);
    const token = await tokens.create(
      { purpose: 'reset-password', accountId: addressee.id, payload, ttl: RESET_TTL, keepOlder: true },
      tx,
    );
    const expiresAt = new Date(clock.now() + RESET_TTL * 1000).toISOString();
    await outgoingMail.enqueue(
      {
        cause: `password-reset:${sha256(token)}`,
        content: {
          ...recipientOf(addressee, locale),
          kind: 'password-reset',
          link: { token, lasts: RESET_TTL, expiresAt },
          circumstances: eventDetailsOf(actor, clock),
        },
        actor,
        ...(account ? {} : { countedAs: subject }),
        isOwners: isKnown && addressee.ownerProvenAt !== null,
      },
      tx,
    );
  };

  /** The account that an address counts for until its new one is proven. */
  const movedFrom = async (subject: string) => {
    const [, key] = /^email:(.+)$/.exec(subject) ?? [];
    return key === undefined ? null : users.findMovedFrom(key);
  };

  return async (typed, actor, { locale } = {}) => {
    const { subject, account: present } = await lookUp(users, typed);
    const account = present ?? (await movedFrom(subject));
    // No account can be called this, and whoever typed it can know.
    if (subject === 'nobody') return { found: false };
    const source = sourceOfActor(actor);
    const isKnown = !isShared(source) && (await signIns.knows(account?.id ?? noUser.id, source, clock.now()));
    await limit([
      { of: `reset:${subject}\n${source}`, most: MOST.pair },
      { of: `reset:${source}`, most: MOST.source, unless: isShared(source) },
      { of: `reset:${subject}`, most: MOST.account, unless: isKnown },
    ]);
    const request: Request = { subject, isKnown, actor, locale };
    await inTransaction(async (tx) => {
      const locked = await users.lock(account?.id ?? noUser.id, tx);
      const isReachable = locked?.status === 'active';
      await constantTimeWork(isReachable, () => send(locked, request, tx), tx);
      const reason = locked ? 'account_suspended' : 'unknown_account';
      await audit.record(
        {
          type: 'password.reset_requested',
          outcome: isReachable ? 'success' : 'failure',
          subject: locked?.id ?? null,
          details: isReachable ? {} : { reason },
        },
        actor,
        tx,
      );
    });
    return { found: account !== null };
  };
}
