// raw-sql: `skip locked` decides who sends a message; one message per cause; all messages to a recipient are postponed at once.
import type { Pool } from 'pg';
import { literal } from 'sequelize';
import { newUuid } from '../core/ids.ts';
import type { Secrets } from '../core/secrets.ts';
import { now } from './models/define.ts';
import { OutboxMessage } from './models/outbox-message.ts';
import type { Notifications } from './postgres/notifications.ts';
import type { Tx } from './postgres/transaction.ts';

/** The kind of mail in the outbox, and its notification topic. */
export const MAIL_TOPIC = 'mail';

/** A message leased by one worker. */
export interface Claimed<Content> {
  /** The same for every attempt. */
  id: string;
  /** Number of this attempt, from 1. */
  attempt: number;
  createdAt: Date;
  /** Age in seconds. */
  age: number;
  /** Decrypts the content. @throws when SECRETS_KEY is another one. */
  content(): Content;
}

/** Queued messages of one kind. The database's clock decides what is due, for all nodes alike. */
export interface Queue<Content> {
  /** Leases the message that has been due longest, for `lease` seconds. Null when none is due. */
  claim(lease: number): Promise<Claimed<Content> | null>;
  /** Makes a leased message due in `seconds`: a longer lease, or the next attempt. Does nothing when another worker has it. */
  postpone(message: Claimed<Content>, seconds: number): Promise<void>;
  /** The same after a failed attempt, with its reason. Other messages to the recipient become due no earlier. */
  putOff(message: Claimed<Content>, seconds: number, why: string): Promise<void>;
  /** Gives up a message. Mail is kept for a while, so that an operator can resend it. */
  giveUp(message: Claimed<Content>, why: string): Promise<void>;
  /** Completes a message. Deletes its content and remembers its cause. */
  settle(message: Claimed<Content>): Promise<void>;
}

/** The envelope of mail. */
export interface Addressed {
  kind: string;
  to: string;
}

/** Mail waiting to be sent. */
export interface Outbox<Content extends Addressed> extends Queue<Content> {
  /**
   * Queues a message, sent if, and only if, `tx` commits. A second one of the same cause does nothing, until 30 days after the
   * first was sent.
   * @param message.delay seconds to wait before sending it; none by default.
   */
  enqueue(message: { cause: string; content: Content; delay?: number }, tx: Tx): Promise<void>;
}

const PURPOSE = 'mail';

const CLAIM = {
  name: 'outbox_claim',
  text: `update outbox set attempts = attempts + 1, due_at = now() + $1 * interval '1 second'
    where id = (
      select id from outbox where kind = $2 and content is not null and due_at <= now()
      order by due_at limit 1 for update skip locked
    )
    returning id, content, attempts, created_at as "createdAt",
      extract(epoch from now() - created_at)::float8 as age`,
};

/** Leave messages that are due later anyway or are being sent. */
const PUT_OFF = {
  name: 'outbox_put_off',
  text: `with tried as (
      update outbox set due_at = now() + $3 * interval '1 second', error = $4 where id = $1 and attempts = $2
      returning id, kind, recipient
    )
    update outbox set due_at = now() + $3 * interval '1 second' from tried
    where outbox.kind = tried.kind and outbox.recipient = tried.recipient and outbox.id <> tried.id
      and outbox.content is not null and outbox.due_at <= now()`,
};

/** Seconds that the cause of a completed message is remembered. */
const REMEMBERED = 30 * 86_400;

type Due = Pick<OutboxMessage, 'id' | 'attempts' | 'createdAt'> & { content: Buffer; age: number };

/** Days that failed mail is kept. */
const KEPT = 7;

const inSeconds = (seconds: number) => literal(`now() + ${seconds} * interval '1 second'`);

/** A completed message keeps only its cause. */
const over = () => ({ content: null, address: null, expiresAt: inSeconds(REMEMBERED) });

/**
 * The queue of messages of one kind, in PostgreSQL.
 * @param open decodes stored content; throws when it cannot be read.
 */
export function createQueue<Content>(
  pool: Pool,
  kind: string,
  open: (content: Buffer) => Content,
): Queue<Content> {
  return {
    async claim(lease) {
      const { rows } = await pool.query<Due>({ ...CLAIM, values: [lease, kind] });
      const [row] = rows;
      return row
        ? {
            id: row.id,
            attempt: row.attempts,
            createdAt: row.createdAt,
            age: row.age,
            content: () => open(row.content),
          }
        : null;
    },
    async postpone({ id, attempt }, seconds) {
      await OutboxMessage.update({ dueAt: inSeconds(seconds) }, { where: { id, attempts: attempt } });
    },
    async putOff({ id, attempt }, seconds, why) {
      await pool.query({ ...PUT_OFF, values: [id, attempt, seconds, why] });
    },
    async giveUp({ id }, why) {
      await OutboxMessage.update({ ...over(), error: why }, { where: { id } });
    },
    async settle({ id }) {
      await OutboxMessage.update(over(), { where: { id } });
    },
  };
}

/** The outbox in PostgreSQL; `Content` is what JSON can hold. */
export function createOutbox<Content extends Addressed>({
  pool,
  secrets,
  notifications,
}: {
  pool: Pool;
  secrets: Secrets;
  notifications: Pick<Notifications, 'publish'>;
}): Outbox<Content> {
  return {
    ...createQueue(pool, MAIL_TOPIC, (content) => JSON.parse(secrets.open(PURPOSE, content)) as Content),
    async giveUp({ id }, why) {
      const expiresAt = inSeconds(KEPT * 86_400);
      const never = literal("'infinity'");
      await OutboxMessage.update({ dueAt: never, failedAt: now(), error: why, expiresAt }, { where: { id } });
    },
    async enqueue({ cause, content, delay = 0 }, tx) {
      await tx.query(
        `insert into outbox (id, cause, content, template, address, created_at, due_at)
         select $1, $2, $3, $5, $6, due, due from (select now() + $4 * interval '1 second' as due) as times
         on conflict (cause) do nothing`,
        [newUuid(), cause, secrets.seal(PURPOSE, JSON.stringify(content)), delay, content.kind, content.to],
      );
      await notifications.publish(MAIL_TOPIC, '', tx);
    },
  };
}
