/** An outbox on a real database, and dispatchers for it. */
import { settings } from './settings.ts';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { systemClock } from '../../src/core/clock.ts';
import { newUuid } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/logger.ts';
import { Secrets } from '../../src/core/secrets.ts';
import { createDispatcher } from '../../src/mail/dispatcher.ts';
import type { Message } from '../../src/mail/messages.ts';
import { createMessageRenderer } from '../../src/mail/renderer.ts';
import type { Transport } from '../../src/mail/transport.ts';
import { mailTexts } from '../../src/storage/settings.ts';
import { createOutbox, MAIL_TOPIC } from '../../src/storage/outbox.ts';
import { Notifications } from '../../src/storage/postgres/notifications.ts';
import { createPool } from '../../src/storage/postgres/pool.ts';
import { createSequelize } from '../../src/storage/postgres/open.ts';
import { transactions } from '../../src/storage/postgres/transaction.ts';

const secrets = new Secrets('a-key-for-the-tests-alone-0123456789abcdef');
export const logger = createLogger('silent');

const circumstances = {
  at: '2026-11-21T02:43:00.000Z',
  ip: '203.0.113.7',
  browser: 'Firefox',
  system: 'Linux',
};

/** A notice to `to`. */
export const notice = (to: string): Message => ({
  kind: 'password-changed',
  to,
  person: null,
  locale: null,
  circumstances,
});

/** @param databaseUrl of a migrated database. Unless given, a new one. */
export async function openPostOffice(databaseUrl?: string) {
  const url = databaseUrl ?? (await createDatabase()).url;
  const pool = createPool(url, { logger, applicationName: 'test' });
  atEnd(() => pool.end());
  const sequelize = createSequelize(pool, secrets);
  const notifications = new Notifications(url, logger);
  await notifications.connect();
  atEnd(() => notifications.close());
  const { inTransaction } = transactions(sequelize, logger);
  const outbox = createOutbox<Message>({ pool, secrets, notifications });
  return {
    url,
    pool,
    inTransaction,
    notifications,
    outbox,
    /** Adds a message like a change would. */
    post: (message: Message, cause: string = newUuid()) =>
      inTransaction((tx) => outbox.enqueue({ cause, content: message }, tx)),
    /** Number of pending messages. */
    async waiting(): Promise<number> {
      const { rows } = await pool.query<{ count: number }>(
        'select count(*)::int as count from outbox where content is not null and failed_at is null',
      );
      return rows[0]!.count;
    },
    /** Makes every message due that is not being sent. Leases are longer than five seconds. */
    async hurry(): Promise<void> {
      await pool.query(
        "update outbox set due_at = now() where content is not null and due_at < now() + interval '5 seconds'",
      );
      await notifications.publish(MAIL_TOPIC, '');
    },
    /** How often the only pending message was tried. */
    async attempts(): Promise<number> {
      const { rows } = await pool.query<{ attempts: number }>(
        'select attempts from outbox where content is not null and failed_at is null',
      );
      return rows[0]?.attempts ?? 0;
    },
    /**
     * Starts a dispatcher. It looks into the outbox when notified, and on a timer only if `timing` says so.
     */
    async dispatch(
      transport: Transport,
      more: { timing?: { poll?: number; send?: number; lease?: number; grace?: number }; own?: boolean } = {},
    ) {
      const dispatcher = createDispatcher({
        outbox: more.own ? createOutbox<Message>({ pool: ownPool(url), secrets, notifications }) : outbox,
        render: createMessageRenderer(settings),
        texts: mailTexts,
        transport,
        notifications: more.own ? await ownNotifications(url) : notifications,
        clock: systemClock,
        logger,
        timing: { poll: 3_600_000, ...more.timing },
      });
      dispatcher.start();
      atEnd(() => dispatcher.stop());
      return dispatcher;
    },
  };
}

function ownPool(url: string) {
  const pool = createPool(url, { logger, applicationName: 'test' });
  atEnd(() => pool.end());
  return pool;
}

async function ownNotifications(url: string) {
  const notifications = new Notifications(url, logger);
  await notifications.connect();
  atEnd(() => notifications.close());
  return notifications;
}
