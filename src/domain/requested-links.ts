import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { sha256 } from '../core/ids.ts';
import type { Audit } from '../storage/audit.ts';
import { constantTimeWork } from '../storage/constant-time-work.ts';
import type { OneTimeTokens } from '../storage/one-time-tokens.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import { noUser, type UserRecord } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';
import { eventDetailsOf, recipientOf } from './notices.ts';
import type { MailLimit, OutgoingMail } from './outgoing-mail.ts';
import { isShared, sourceOfActor } from './source.ts';

/** A kind of link that anybody can request by naming an account. */
interface LinkKind {
  purpose: 'reset-password' | 'sign-in';
  mail: 'password-reset' | 'sign-in-link';
  event: 'password.reset_requested' | 'login.link_requested';
  /** Seconds that a link is valid. */
  ttl: number;
}

export interface LinkRequest {
  /** Null for an unknown name. */
  accountId: string | null;
  /** The requested name: mail to unknown accounts is counted for it. */
  subject: string;
  actor: Actor;
  /** The language of the request (BCP 47), for an account without its own. */
  locale: string | undefined;
  /** Whether the account may have the link. */
  isReachable(account: UserRecord): boolean;
  /** The payload of the link. */
  payloadOf(account: UserRecord): object;
  /** Whether the request is known to be the owner's: then the mailbox need not have room. */
  isOwners?(account: UserRecord): boolean;
  /** Details of a request without effect, for the audit. */
  reasonOf?(account: UserRecord | null): string;
}

/** Dependencies of links that can be requested by name. */
export interface RequestedLinkDependencies extends Pick<Stores, 'users' | 'audit' | 'inTransaction'> {
  tokens: Pick<OneTimeTokens, 'create'>;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  clock: Clock;
}

/**
 * Sends a link to the named account, if it may have one, and audits the request. The work is the same for any name: nobody can
 * tell from outside whether there is such an account. Earlier links stay valid: a new request cannot invalidate somebody else's.
 * @returns the sender of links of one kind.
 * @throws DomainError unavailable.
 */
export function createRequestedLinks(
  { users, tokens, outgoingMail, audit, inTransaction, clock }: RequestedLinkDependencies,
  { purpose, mail, event, ttl }: LinkKind,
): (request: LinkRequest) => Promise<void> {
  const send = async (account: UserRecord | null, request: LinkRequest, tx: Tx): Promise<void> => {
    const { subject, actor, locale, payloadOf, isOwners } = request;
    const addressee = account ?? noUser;
    const payload = payloadOf(addressee);
    const token = await tokens.create(
      { purpose, accountId: addressee.id, payload, ttl, keepOlder: true },
      tx,
    );
    const expiresAt = new Date(clock.now() + ttl * 1000).toISOString();
    await outgoingMail.enqueue(
      {
        cause: `${mail}:${sha256(token)}`,
        content: {
          ...recipientOf(addressee, locale),
          kind: mail,
          link: { token, lasts: ttl, expiresAt },
          circumstances: eventDetailsOf(actor, clock),
        },
        actor,
        ...(account ? {} : { countedAs: subject }),
        isOwners: isOwners?.(addressee) ?? false,
      },
      tx,
    );
  };

  return (request) =>
    inTransaction(async (tx) => {
      const { accountId, actor, isReachable, reasonOf } = request;
      const account = await users.lock(accountId ?? noUser.id, tx);
      const sent = account !== null && isReachable(account);
      await constantTimeWork(sent, () => send(account, request, tx), tx);
      await audit.record(
        {
          type: event,
          outcome: sent ? 'success' : 'failure',
          subject: account?.id ?? null,
          details: sent || !reasonOf ? {} : { reason: reasonOf(account) },
        },
        actor,
        tx,
      );
    });
}

/**
 * Audits the use of a dead link's token: invented, truncated, expired, used, ended, or for something else. Beyond a number per
 * hour and source it is refused, so that nobody guesses for long or fills the log.
 * @param type what the link was for.
 * @param subject the account, if the token names one.
 * @throws DomainError rate_limited, unavailable.
 */
export type NoteDeadLink = (
  type: 'password.reset' | 'email.verified' | 'change.undone' | 'login',
  subject: string | null,
  token: string,
  actor: Actor,
) => Promise<void>;

const MAX_DEAD_LINKS = 200;

export const createDeadLinks =
  ({ audit, limit }: { audit: Audit; limit: MailLimit }): NoteDeadLink =>
  async (type, subject, token, actor) => {
    // A request without a token is not a guess.
    if (token === '') return;
    const source = sourceOfActor(actor);
    await limit([{ of: `dead-link:source:${source}`, limit: MAX_DEAD_LINKS, unless: isShared(source) }]);
    await audit.record({ type, outcome: 'failure', subject, details: { reason: 'invalid_token' } }, actor);
  };
