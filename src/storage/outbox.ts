import type { Pool } from 'pg';
import { newUuid } from '../kernel/ids.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { Notifications } from './postgres/notifications.ts';
import type { Tx } from './postgres/transaction.ts';

/** What the nodes tell each other about when there is mail. */
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

/**
 * Mail waiting to be sent. The time is the database's, so that no two nodes differ on what is due.
 */
export interface Outbox<Content> {
  /**
   * Leaves a message that is sent if, and only if, `tx` commits. Of one cause one message is ever sent: a second one
   * changes nothing, for 30 days after the first was sent.
   */
  enqueue(message: { cause: string; content: Content }, tx: Tx): Promise<void>;
  /** Takes the message longest due for `lease` seconds, in which nobody else gets it; null when none is due. */
  claim(lease: number): Promise<Claimed<Content> | null>;
  /** Says that a claimed message is due in `seconds`: a longer lease, or the next try. Not when another has it by now. */
  postpone(message: Claimed<Content>, seconds: number): Promise<void>;
  /** Ends a message that was sent or given up. Its content is deleted, its cause remembered. */
  settle(message: Claimed<Content>): Promise<void>;
}

const PURPOSE = 'mail';

const CLAIM = {
  name: 'outbox_claim',
  text: `update outbox set attempts = attempts + 1, due_at = now() + $1 * interval '1 second'
    where id = (
      select id from outbox where content is not null and due_at <= now()
      order by due_at limit 1 for update skip locked
    )
    returning id, content, attempts, created_at as "createdAt",
      extract(epoch from now() - created_at)::float8 as age`,
};

interface Row {
  id: string;
  content: Buffer;
  attempts: number;
  createdAt: Date;
  age: number;
}

interface Dependencies {
  pool: Pool;
  secrets: Secrets;
  notifications: Pick<Notifications, 'publish'>;
}

/** The outbox in PostgreSQL; `Content` is what JSON can hold. */
export function createOutbox<Content>({ pool, secrets, notifications }: Dependencies): Outbox<Content> {
  return {
    async enqueue({ cause, content }, tx) {
      await tx.query(
        'insert into outbox (id, cause, content) values ($1, $2, $3) on conflict (cause) do nothing',
        [newUuid(), cause, secrets.seal(PURPOSE, JSON.stringify(content))],
      );
      await notifications.publish(MAIL_TOPIC, '', tx);
    },
    async claim(lease) {
      const { rows } = await pool.query<Row>({ ...CLAIM, values: [lease] });
      const [row] = rows;
      return row
        ? {
            id: row.id,
            attempt: row.attempts,
            createdAt: row.createdAt,
            age: row.age,
            content: () => JSON.parse(secrets.open(PURPOSE, row.content)) as Content,
          }
        : null;
    },
    async postpone({ id, attempt }, seconds) {
      await pool.query(
        `update outbox set due_at = now() + $3 * interval '1 second' where id = $1 and attempts = $2`,
        [id, attempt, seconds],
      );
    },
    async settle({ id }) {
      await pool.query(
        `update outbox set content = null, expires_at = now() + interval '30 days' where id = $1`,
        [id],
      );
    },
  };
}
