import type { Actor } from '../../core/actor.ts';
import { sha256 } from '../../core/ids.ts';
import { constantTimeWork } from '../../storage/constant-time-work.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import { noUser, type UserRecord } from '../../storage/users.ts';
import { lookUp } from '../lookup.ts';
import { eventDetailsOf, recipientOf } from '../notices/recipient.ts';
import { isShared, sourceOfActor } from '../source.ts';
import type { SignInLinkDependencies } from './dependencies.ts';
import { type SignInLinkPayload, isOwned, SIGN_IN_LINK_TTL } from './payload.ts';

export interface Requesting {
  /**
   * Sends a link to the address of the account that is meant, if its owner has proven that and its lock keeps this
   * source out: only then does it differ from a password. Takes the same work, and says the same, whoever is
   * named. Whoever asks, the owner can use it; so somebody who uses up what may be sent only sends the owner the way in.
   * @param typed unchecked: an email address or a username.
   * @param options.interaction the one that the person goes on with, in this browser alone.
   * @param options.locale the language of the request (BCP 47), for an account that has none of its own.
   * @throws DomainError rate_limited, alike for accounts that do not exist; unavailable.
   */
  request(
    typed: { identifier: unknown },
    actor: Actor,
    options?: { interaction?: string | null; locale?: string | undefined },
  ): Promise<void>;
}

/** Requests an hour: of one source for one account, and of one source. */
const MOST = { pair: 10, source: 200 };

interface Request {
  /** What a letter to nobody counts as one to. */
  subject: string;
  actor: Actor;
  interaction: string | null;
  locale: string | undefined;
}

export function requesting(dependencies: SignInLinkDependencies): Requesting['request'] {
  const { users, tokens, outgoingMail, audit, inTransaction, limit, lockout, clock } = dependencies;

  const send = async (
    account: UserRecord | null,
    { subject, actor, interaction, locale }: Request,
    tx: Tx,
  ) => {
    const addressee = account ?? noUser;
    const { email, securityVersion } = addressee;
    const payload: SignInLinkPayload = { email, securityVersion, interaction };
    const token = await tokens.create(
      { purpose: 'sign-in', accountId: addressee.id, payload, ttl: SIGN_IN_LINK_TTL, keepOlder: true },
      tx,
    );
    const expiresAt = new Date(clock.now() + SIGN_IN_LINK_TTL * 1000).toISOString();
    await outgoingMail.enqueue(
      {
        cause: `sign-in-link:${sha256(token)}`,
        content: {
          ...recipientOf(addressee, locale),
          kind: 'sign-in-link',
          link: { token, lasts: SIGN_IN_LINK_TTL, expiresAt },
          circumstances: eventDetailsOf(actor, clock),
        },
        actor,
        ...(account ? {} : { countedAs: subject }),
      },
      tx,
    );
  };

  return async (typed, actor, { interaction = null, locale } = {}) => {
    const { subject, account } = await lookUp(users, typed);
    // No account can be called this, and whoever typed it can know.
    if (subject === 'nobody') return;
    const source = sourceOfActor(actor);
    await limit([
      { of: `sign-in-link:${subject}\n${source}`, most: MOST.pair },
      { of: `sign-in-link:${source}`, most: MOST.source, unless: isShared(source) },
    ]);
    // Whoever asks has been told so already, alike for accounts that do not exist. Before the count of letters: nobody uses up
    // what may be sent while the password is enough.
    if (!(await lockout.isLocked({ subject, accountId: account?.id ?? null, source }))) return;
    await inTransaction(async (tx) => {
      const locked = await users.lock(account?.id ?? noUser.id, tx);
      const isReachable = locked !== null && isOwned(locked);
      await constantTimeWork(
        isReachable,
        () => send(locked, { subject, actor, interaction, locale }, tx),
        tx,
      );
      await audit.record(
        {
          type: 'login.link_requested',
          outcome: isReachable ? 'success' : 'failure',
          subject: locked?.id ?? null,
        },
        actor,
        tx,
      );
    });
  };
}
