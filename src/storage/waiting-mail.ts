// raw-sql: a list for `listing.ts`; one statement leaves messages alone that are being sent.
import type { Pool } from 'pg';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { MAIL_TOPIC } from './outbox.ts';
import type { Notifications } from './postgres/notifications.ts';
import type { Tx } from './postgres/transaction.ts';

/** A waiting or failed message, as operators see it. Its content is never shown. */
export interface WaitingMail {
  id: string;
  /** Kind of message. Null for messages of older versions. */
  template: string | null;
  /** The recipient. Null for messages of older versions. */
  address: string | null;
  attempts: number;
  createdAt: Date;
  /** The next attempt. Null after the last one failed. */
  dueAt: Date | null;
  failedAt: Date | null;
  /** Why the last attempt failed. */
  error: string | null;
}

export interface MailFilters {
  state?: 'waiting' | 'failed' | undefined;
  template?: readonly string[] | undefined;
  /** The recipient, case-insensitive. */
  to?: string | undefined;
}

export interface MailOutbox {
  list(request: PageRequest<'created_at', MailFilters>): Promise<Page<WaitingMail>>;
  find(id: string): Promise<WaitingMail | null>;
  /** Makes it due now, and retries it for three more days if it was given up. @returns null when it no longer exists. */
  resend(id: string, tx: Tx): Promise<WaitingMail | null>;
}

const COLUMNS = `id, template, address, attempts, created_at as "createdAt",
  case when failed_at is null then due_at end as "dueAt", failed_at as "failedAt", error`;

const UNSENT = `kind = '${MAIL_TOPIC}' and content is not null`;

const LIST: Listing<'created_at', MailFilters & { unsent: true }> = {
  from: 'outbox',
  columns: COLUMNS,
  sorts: { created_at: { by: 'created_at', type: 'timestamptz' } },
  id: { by: 'id', type: 'uuid' },
  filters: {
    unsent: () => UNSENT,
    state: (value) => `failed_at is ${value === 'failed' ? 'not null' : 'null'}`,
    template: (values, parameter) => `template = any(${parameter(values)})`,
    to: (value, parameter) => `lower(address) = lower(${parameter(value)})`,
  },
};

/** Maximum seconds of the lease of an attempt under way. Messages due sooner are left as they are. */
const LEASE = 15;

const RESEND = `update outbox set
    due_at = case when failed_at is null and due_at <= now() + ${LEASE} * interval '1 second' then due_at else now() end,
    created_at = case when failed_at is null then created_at else now() end,
    attempts = case when failed_at is null then attempts else 0 end,
    failed_at = null, expires_at = null
  where id = $1 and ${UNSENT} returning ${COLUMNS}`;

/** Waiting and failed mail. */
export function createMailOutbox({
  pool,
  notifications,
}: {
  pool: Pool;
  notifications: Pick<Notifications, 'publish'>;
}): MailOutbox {
  return {
    list: (request) =>
      pageOf(pool, LIST, { ...request, filters: { unsent: true as const, ...request.filters } }),
    async find(id) {
      const { rows } = await pool.query<WaitingMail>(
        `select ${COLUMNS} from outbox where id = $1 and ${UNSENT}`,
        [id],
      );
      return rows[0] ?? null;
    },
    async resend(id, tx) {
      const { rows } = await tx.query<WaitingMail>(RESEND, [id]);
      if (rows.length > 0) await notifications.publish(MAIL_TOPIC, '', tx);
      return rows[0] ?? null;
    },
  };
}
