// raw-sql: a deletion decides who answers the request.

import type { Pool } from 'pg';
import { Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { isUuid, newUuid, sha256 } from '../core/ids.ts';
import type { Secrets } from '../core/secrets.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { OutboxMessage } from './models/outbox-message.ts';
import { CibaRequest } from './models/provider-records.ts';
import { createQueue, type Queue } from './outbox.ts';
import type { Notifications } from './postgres/notifications.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(CibaRequest, 'authReqId');
const whole = recordOf(CibaRequest);

/** A CIBA request (OpenID Connect CIBA Core 1.0), as the person sees it. */
export type CibaRequestRecord = RecordOf<typeof record>;

export type NewCibaRequestRecord = Omit<RecordOf<typeof whole>, 'id' | 'createdAt'>;

/** Pending requests that have not expired. */
export interface CibaRequests {
  create(request: NewCibaRequestRecord, tx: Tx): Promise<void>;
  /** Pending requests of the account, oldest first. */
  listOf(accountId: string): Promise<CibaRequestRecord[]>;
  /** Takes a request in order to answer it. One of concurrent attempts gets it; the others get null. */
  take(accountId: string, id: string, tx: Tx): Promise<RecordOf<typeof whole> | null>;
}

/** One statement: one of parallel attempts gets it. */
const TAKE = `delete from login_requests where id = $1 and account_id = $2 and expires_at > $3
  returning ${whole.columns}`;

/** CIBA requests in PostgreSQL. */
export function createCibaRequests(clock: Clock): CibaRequests {
  return {
    async create(request, tx) {
      await CibaRequest.create({ ...request, id: newUuid() }, { transaction: tx });
    },
    async listOf(accountId) {
      const found = await CibaRequest.findAll({
        attributes: record.attributes,
        where: { accountId, expiresAt: { [Op.gt]: new Date(clock.now()) } },
        order: ['createdAt'],
      });
      return found.map(record.from);
    },
    async take(accountId, id, tx) {
      if (!isUuid(id)) return null;
      const { rows } = await tx.query<object>(TAKE, [id, accountId, new Date(clock.now())]);
      return whole.read(rows)[0] ?? null;
    },
  };
}

/** The kind of pings in the outbox, and their notification topic. */
export const PING_TOPIC = 'ping';

/** A ping: tells the client that the request was answered (CIBA Core section 10.2). */
export interface Ping {
  clientId: string;
  authReqId: string;
  /** The `client_notification_token` of the request. */
  token: string;
  /** ISO 8601. When the request, and with it the ping, expires. */
  expiresAt: string;
}

export interface Pings extends Queue<Ping> {
  /** Queues a ping. It is sent if, and only if, `tx` commits. */
  enqueue(ping: Ping, tx: Tx): Promise<void>;
}

/** Queued pings, in PostgreSQL. */
export function createPings({
  pool,
  secrets,
  notifications,
}: {
  pool: Pool;
  secrets: Secrets;
  notifications: Pick<Notifications, 'publish'>;
}): Pings {
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
