// raw-sql: who sends a message is decided by `skip locked`; one cause leaves one message; of a recipient all is put off at once.
import type { Pool } from 'pg';
import { literal } from 'sequelize';
import { newUuid } from '../core/ids.ts';
import type { Secrets } from '../core/secrets.ts';
import { now } from './models/define.ts';
import { OutboxMessage } from './models/outbox-message.ts';
import type { Notifications } from './postgres/notifications.ts';
import type { Tx } from './postgres/transaction.ts';

/** What mail is in the outbox, and what the nodes tell each other about when there is some. */
export const MAIL_TOPIC = 'mail';

/** A message that one worker has to itself for a while. */
export interface Claimed<Content> {
  /** Stays the same however often it is tried. */
  id: string;
  /** Which try this is, from 1 on. */
  attempt: number;
  createdAt: Date;
  /** Seconds since then. */
  age: number;
  /** Opens it. @throws when SECRETS_KEY is not the one that it was sealed with. */
  content(): Content;
}

/** Messages of one kind that wait to be sent. The time is the database's, so that no two nodes differ on what is due. */
export interface Queue<Content> {
  /** Takes the message longest due for `lease` seconds, in which nobody else gets it; null when none is due. */
  claim(lease: number): Promise<Claimed<Content> | null>;
  /** Says that a claimed message is due in `seconds`: a longer lease, or the next try. Not when another has it by now. */
  postpone(message: Claimed<Content>, seconds: number): Promise<void>;
  /** The same after a try that failed, and why; what else waits for the same recipient is due no earlier. */
  putOff(message: Claimed<Content>, seconds: number, why: string): Promise<void>;
  /** Ends a message that was tried for too long. Mail is kept for a while, so that an operator can have it sent again. */
  giveUp(message: Claimed<Content>, why: string): Promise<void>;
  /** Ends a message that was sent or need not be. Its content is deleted, its cause remembered. */
  settle(message: Claimed<Content>): Promise<void>;
}

/** What the outbox knows of the content of mail. */
export interface Addressed {
  kind: string;
  to: string;
}

/** Mail waiting to be sent. */
export interface Outbox<Content extends Addressed> extends Queue<Content> {
  /**
   * Leaves a message that is sent if, and only if, `tx` commits. Of one cause one message is ever sent: a second one
   * changes nothing, for 30 days after the first was sent.
   * @param message.delay seconds that it is left for before it is sent; none unless given.
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

/** What is due later anyway, or is being sent, is left as it is. */
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

/** Seconds that the cause of a message that is over is remembered. */
const REMEMBERED = 30 * 86_400;

type Due = Pick<OutboxMessage, 'id' | 'attempts' | 'createdAt'> & { content: Buffer; age: number };

/** Days that mail which was given up is kept. */
const KEPT = 7;

const inSeconds = (seconds: number) => literal(`now() + ${seconds} * interval '1 second'`);

/** Of a message that is over only its cause is remembered. */
const over = () => ({ content: null, address: null, expiresAt: inSeconds(REMEMBERED) });

/**
 * The messages of one kind, as they wait in PostgreSQL.
 * @param open what a stored content says; it throws when it cannot be read.
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
