/**
 * Puts mail into the outbox. One mailbox gets at most a few messages an hour, whatever caused them, so that nobody
 * can flood a stranger's.
 */
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { isPlaceholder } from '../core/email-address.ts';
import { DomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import type { Message, MessageKind } from '../mail/messages.ts';
import type { Counters } from '../storage/counters.ts';
import type { Outbox } from '../storage/outbox.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import { emailKeyOf } from './lookup.ts';
import { isShared, sourceOfActor } from './source.ts';

interface Mail {
  /** Idempotency key: each cause sends one mail. */
  cause: string;
  content: Message;
  /** The actor. */
  actor: Actor;
  /** The address to count it for, if not the recipient. */
  countedAs?: string;
  /** Whether it is known to come from the owner, or somebody signed in as them: such mail goes out at once. */
  isOwners?: boolean;
}

export interface OutgoingMail {
  /**
   * Queues a mail, to be sent if `tx` commits. Mail that strangers can request is dropped once the mailbox or the source has
   * reached this hour's limit. A notice about a change of an account is never dropped, because whoever made the change could
   * have filled the mailbox first: it waits for an hour with room, or goes out at once when the mailbox is known to be the
   * owner's, because then no stranger can cause it. Nothing goes to the placeholder of an account without an address.
   * @returns whether it was queued.
   * @throws DomainError unavailable when the counters are.
   */
  enqueue(mail: Mail, tx: Tx): Promise<boolean>;
  /**
   * Call it before accepting a request for mail by name.
   * @throws DomainError rate_limited when `to` has reached its limit, unavailable.
   */
  admit(to: string): Promise<void>;
}

/**
 * The key that addresses of one mailbox share: the address without its tag (`ada+shop@` is `ada@`). Dots stay: ignoring them is
 * one provider's own rule.
 */
export function mailboxOf(address: string): string {
  const key = emailKeyOf(address) ?? address;
  const at = key.lastIndexOf('@');
  const tag = key.slice(0, at).indexOf('+');
  return tag > 0 ? key.slice(0, tag) + key.slice(at) : key;
}

/** Mails an hour: to one mailbox, and by one source. */
const MAX_MAILS = { mailbox: 10, source: 200 };

/**
 * Mail that goes even to a full mailbox, once an hour: otherwise a stranger who has locked an owner out could also fill the
 * mailbox. The link lasts until the next may be sent.
 */
const ALWAYS: ReadonlySet<MessageKind> = new Set<MessageKind>(['sign-in-link']);

const HOUR = 3600;
/** Longest wait of a notice in hours. */
const MAX_WAIT = 24;

/** Mail that anybody can trigger by naming an address. All other kinds are notices. */
export const ASKED_FOR: ReadonlySet<MessageKind> = new Set<MessageKind>([
  'verify-email',
  'invitation',
  'password-reset',
  'sign-in-link',
  'account-exists',
  'account-elsewhere',
  'login-requested',
  'test-letter',
]);

export function createOutgoingMail({
  outbox,
  counters,
  clock,
}: Pick<Stores, 'counters'> & { outbox: Outbox<Message>; clock: Clock }): OutgoingMail {
  const keyOf = (what: string, hour: number) => `letters:${sha256(what)}:${hour}`;
  const thisHour = () => Math.floor(clock.now() / 1000 / HOUR);
  /** Seconds until the end of an hour, when its counter may expire. */
  const endOf = (hour: number) => Math.max(1, Math.ceil((hour + 1) * HOUR - clock.now() / 1000));

  /** Takes one of the hour's places, if any is left. */
  const take = async (what: string, hour: number, limit: number): Promise<boolean> => {
    const key = keyOf(what, hour);
    const { count } = await counters.add(key, 1, endOf(hour));
    if (count <= limit) return true;
    await counters.add(key, -1, endOf(hour));
    return false;
  };

  const hasRoom = async (mailbox: string, actor: Actor): Promise<boolean> => {
    const hour = thisHour();
    const source = sourceOfActor(actor);
    if (!isShared(source) && !(await take(`source ${source}`, hour, MAX_MAILS.source))) return false;
    return take(mailbox, hour, MAX_MAILS.mailbox);
  };

  /** Seconds until an hour with room for a notice; null when a whole day is full. */
  const waitFor = async (mailbox: string): Promise<number | null> => {
    const hour = thisHour();
    for (let wait = 0; wait < MAX_WAIT; wait += 1)
      if (await take(mailbox, hour + wait, MAX_MAILS.mailbox)) return wait === 0 ? 0 : endOf(hour + wait - 1);
    return null;
  };

  /** Seconds until it may be sent; null when it may not. */
  const delayOf = async (
    mailbox: string,
    { content, actor, isOwners }: Pick<Required<Mail>, 'content' | 'actor' | 'isOwners'>,
  ): Promise<number | null> => {
    if (isOwners) {
      await take(mailbox, thisHour(), MAX_MAILS.mailbox);
      return 0;
    }
    if (!ASKED_FOR.has(content.kind)) return waitFor(mailbox);
    if (await hasRoom(mailbox, actor)) return 0;
    const isSent = ALWAYS.has(content.kind) && (await take(`${content.kind} ${mailbox}`, thisHour(), 1));
    return isSent ? 0 : null;
  };

  return {
    async enqueue({ cause, content, actor, countedAs = content.to, isOwners = false }, tx) {
      if (isPlaceholder(content.to)) return false;
      const mailbox = mailboxOf(countedAs);
      const delay = await delayOf(mailbox, { content, actor, isOwners });
      if (delay === null) return false;
      await outbox.enqueue({ cause, content, delay }, tx);
      return true;
    },
    async admit(to) {
      const hour = thisHour();
      const had = await counters.get(keyOf(mailboxOf(to), hour));
      if (had && had.count >= MAX_MAILS.mailbox)
        throw new DomainError('rate_limited', { retryAfter: endOf(hour) });
    },
  };
}

/** A limit per hour. */
interface HourlyLimit {
  /** The counter's key, a MAC: it does not reveal the address. */
  of: string;
  limit: number;
  /** Whether the limit is waived. */
  unless?: boolean;
}

/**
 * Bounds the mail that people can make us send.
 * @throws DomainError rate_limited when one of the limits is reached, unavailable when the counters are.
 */
export type MailLimit = (limits: HourlyLimit[]) => Promise<void>;

export function createMailLimit(counters: Counters): MailLimit {
  return async (limits) => {
    const counts = await Promise.all(
      limits.map(async (limit) => ({
        ...limit,
        ...(await counters.add(`mail:${sha256(limit.of)}`, 1, HOUR)),
      })),
    );
    for (const { count, limit, expiresIn, unless = false } of counts) {
      if (count <= limit || unless) continue;
      throw new DomainError('rate_limited', { retryAfter: expiresIn });
    }
  };
}
