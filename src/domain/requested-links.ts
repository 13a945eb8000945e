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

/** A kind of link that anybody can ask for by naming an account. */
interface LinkKind {
  purpose: 'reset-password' | 'sign-in';
  mail: 'password-reset' | 'sign-in-link';
  event: 'password.reset_requested' | 'login.link_requested';
  /** Seconds that a link lasts. */
  ttl: number;
}

export interface LinkRequest {
  /** Null for an unknown name. */
  accountId: string | null;
  /** The requested name: mail to unknown accounts is counted for it. */
  subject: string;
  actor: Actor;
  /** The language of the request (BCP 47), for an account that has none of its own. */
  locale: string | undefined;
  /** Whether the account may have the link. */
  isReachable(account: UserRecord): boolean;
  /** The payload of the link. */
  payloadOf(account: UserRecord): object;
  /** Whether it is known to be the owner who asks: then the mailbox need not have room. */
  isOwners?(account: UserRecord): boolean;
  /** Of a request that comes to nothing, for the audit. */
  reasonOf?(account: UserRecord | null): string;
}

/** What links are made of that can be asked for by a name. */
export interface RequestedLinkDependencies extends Pick<Stores, 'users' | 'audit' | 'inTransaction'> {
  tokens: Pick<OneTimeTokens, 'create'>;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  clock: Clock;
}

/**
 * Sends a link to the account that is meant, if it may have one, and writes the request down. The work is the same
 * whoever is named: nobody can tell from outside whether there is such an account. Links sent earlier stay valid: nobody ends
 * another's by asking again.
 * @returns the sender of links of one kind. @throws DomainError unavailable.
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
 * Writes down that somebody came with the token of a link that cannot be used: made up, cut, expired, used, ended, or for
 * something else. So many in an hour of one source, and it is refused: nobody guesses for long, or fills the log.
 * @param type what the link was to do. @param subject the account, where the token tells of one.
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
