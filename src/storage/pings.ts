import type { Pool } from 'pg';
import { newUuid, sha256 } from '../core/ids.ts';
import type { Secrets } from '../core/secrets.ts';
import { OutboxMessage } from './models/outbox-message.ts';
import { createQueue, type Queue } from './outbox.ts';
import type { Notifications } from './postgres/notifications.ts';
import type { Tx } from './postgres/transaction.ts';

/** What pings are in the outbox, and what the nodes tell each other about when there is one. */
export const PING_TOPIC = 'ping';

/** That a client is to be told that there is an answer (CIBA Core section 10.2). */
export interface Ping {
  clientId: string;
  authReqId: string;
  /** The `client_notification_token` of the request. */
  token: string;
  /** ISO 8601: when the request ends, and with it the ping. */
  expiresAt: string;
}

export interface Pings extends Queue<Ping> {
  /** Leaves a ping that is sent if, and only if, `tx` commits. */
  enqueue(ping: Ping, tx: Tx): Promise<void>;
}

interface Dependencies {
  pool: Pool;
  secrets: Secrets;
  notifications: Pick<Notifications, 'publish'>;
}

/** The pings that wait, in the outbox in PostgreSQL. */
export function createPings({ pool, secrets, notifications }: Dependencies): Pings {
  return {
    ...createQueue(pool, PING_TOPIC, (content) => JSON.parse(secrets.open(PING_TOPIC, content)) as Ping),
    async enqueue(ping, tx) {
      await OutboxMessage.create(
        {
          id: newUuid(),
          kind: PING_TOPIC,
          recipient: ping.clientId,
          cause: `ping:${sha256(ping.authReqId)}`,
          content: secrets.seal(PING_TOPIC, JSON.stringify(ping)),
        },
        { transaction: tx },
      );
      await notifications.publish(PING_TOPIC, '', tx);
    },
  };
}
