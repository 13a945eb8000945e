// raw-sql: `skip locked` decides which node sends to which address; lists are conditions for `listing.ts`.
import type { Pool } from 'pg';
import { fn, literal } from 'sequelize';
import { newUuid } from '../core/ids.ts';
import { WEBHOOK_TOPIC } from './event-catalogue.ts';
import { type Listing, type Page, pageOf, type PageRequest } from './listing.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { type DeliveryStatus, type DisabledReason, Webhook, WebhookDelivery } from './models/webhook.ts';
import type { Notifications } from './postgres/notifications.ts';
import { type Tx, writeGathered } from './postgres/transaction.ts';

export { DELIVERY_STATUSES, type DeliveryStatus, type DisabledReason } from './models/webhook.ts';

const record = recordOf(Webhook, 'leasedUntil', 'pausedUntil');
export type WebhookRecord = RecordOf<typeof record>;
const deliveryRecord = recordOf(WebhookDelivery, 'expiresAt');
export type DeliveryRecord = RecordOf<typeof deliveryRecord>;

type WebhookContent = Pick<WebhookRecord, 'url' | 'description' | 'eventTypes' | 'enabled' | 'secret'>;
/** Without `eventId`, its own id serves as that. */
type NewDelivery = Pick<DeliveryRecord, 'webhookId' | 'type' | 'data' | 'at'> & { eventId?: string };

export interface DeliveryFilters {
  status?: readonly DeliveryStatus[] | undefined;
  type?: readonly string[] | undefined;
}

export interface Webhooks {
  list(request: PageRequest<'created_at', object>): Promise<Page<WebhookRecord>>;
  find(id: string): Promise<WebhookRecord | null>;
  count(tx: Tx): Promise<number>;
  /** The webhook, locked until the transaction ends. */
  lock(id: string, tx: Tx): Promise<WebhookRecord | null>;
  create(webhook: WebhookContent, tx: Tx): Promise<WebhookRecord>;
  update(id: string, changes: Partial<WebhookContent>, tx: Tx): Promise<WebhookRecord>;
  /** Replaces the secret. The old one signs beside the new one for `overlap` seconds. */
  rotate(id: string, secret: string, overlap: number, tx: Tx): Promise<WebhookRecord>;
  /** Switches it off. Unless an operator wished it, waiting deliveries fail. */
  disable(id: string, reason: DisabledReason, tx: Tx): Promise<WebhookRecord>;
  /** Switches it on: forgets its failures, and makes waiting deliveries due. */
  enable(id: string, tx: Tx): Promise<WebhookRecord>;
  delete(id: string, tx: Tx): Promise<void>;
  deliveries(id: string, request: PageRequest<'created_at', DeliveryFilters>): Promise<Page<DeliveryRecord>>;
  findDelivery(id: string, deliveryId: string): Promise<DeliveryRecord | null>;
  /** Queues one more delivery, due at once. */
  deliver(delivery: NewDelivery, tx: Tx): Promise<DeliveryRecord>;
  /** Makes a waiting delivery due now. @returns its new state. */
  hurry(delivery: DeliveryRecord, tx: Tx): Promise<DeliveryRecord>;
}

/** A delivery under way. */
export type Taken = Pick<DeliveryRecord, 'id' | 'eventId' | 'type' | 'data' | 'at' | 'attempts'> & {
  /** Seconds since it was queued. */
  age: number;
  /** Whether the address accepted something since it was queued. */
  isOutlived: boolean;
};

/** Result of an attempt. */
export interface Outcome {
  delivery: Taken;
  /** `waiting`: it is tried again in `wait` seconds. */
  status: DeliveryStatus;
  wait: number;
  responseStatus: number | null;
  error: string | null;
}

/** Deliveries that wait. The database's clock decides what is due, for all nodes alike. */
export interface WebhookQueue {
  /**
   * Leases an address that something is due for, the longest unattended first: for `lease` seconds no other node sends to it.
   * @returns null when nothing is due.
   */
  lease(lease: number): Promise<WebhookRecord | null>;
  /** Takes its due deliveries, at most `limit`. */
  take(webhook: WebhookRecord, limit: number, lease: number): Promise<Taken[]>;
  /** Records results of attempts and releases the address: nothing is sent to it for `pause` seconds. */
  settle(webhook: WebhookRecord, outcomes: readonly Outcome[], pause: number): Promise<void>;
}

/** Seconds that a finished delivery is kept. */
const KEPT = 14 * 86_400;

const LIST: Listing<'created_at', object> = {
  from: 'webhooks',
  columns: record.columns,
  sorts: { created_at: { by: 'created_at', type: 'timestamptz' } },
  id: { by: 'id', type: 'uuid' },
  filters: {},
};

const DELIVERIES: Listing<'created_at', DeliveryFilters & { webhook: string }> = {
  from: 'webhook_deliveries',
  columns: deliveryRecord.columns,
  sorts: { created_at: { by: 'created_at', type: 'timestamptz' } },
  id: { by: 'id', type: 'uuid' },
  filters: {
    webhook: (value, parameter) => `webhook_id = ${parameter(value)}`,
    status: (values, parameter) => `status = any(${parameter(values)})`,
    type: (values, parameter) => `type = any(${parameter(values)})`,
  },
};

/** Transactions with new events hold their webhooks `for key share`; that must not hide them. */
const LEASE = {
  name: 'webhooks_lease',
  text: `update webhooks set leased_until = now() + $1 * interval '1 second'
    where id = (
      select id from webhooks w
      where enabled and leased_until <= now() and paused_until <= now()
        and exists (
          select from webhook_deliveries where webhook_id = w.id and status = 'waiting' and due_at <= now())
      order by leased_until limit 1 for no key update skip locked
    )
    returning ${record.columns}`,
};

const TAKE = {
  name: 'webhooks_take',
  text: `update webhook_deliveries d set attempts = d.attempts + 1, due_at = now() + $3 * interval '1 second'
    from webhooks w
    where w.id = $1 and d.id in (
      select id from webhook_deliveries where webhook_id = $1 and status = 'waiting' and due_at <= now()
      order by due_at limit $2)
    returning d.id, d.event_id as "eventId", d.type, d.data, d.at, d.attempts,
      extract(epoch from now() - d.created_at)::float8 as age,
      coalesce(w.last_success_at > d.created_at, false) as "isOutlived"`,
};

const SETTLE = {
  name: 'webhooks_settle',
  text: `update webhook_deliveries set status = $3, due_at = now() + $4 * interval '1 second', attempted_at = now(),
      response_status = $5, error = $6,
      finished_at = case when $3 = 'waiting' then null else now() end,
      expires_at = case when $3 = 'waiting' then null else now() + ${KEPT} * interval '1 second' end
    where id = $1 and attempts = $2 and status = 'waiting'`,
};

const GIVE_BACK = {
  name: 'webhooks_give_back',
  text: `update webhooks set leased_until = now(), paused_until = now() + $2 * interval '1 second',
      failures = case when $3 then 0 else failures + $4 end,
      failing_since = case when $3 then null when $4 > 0 then coalesce(failing_since, now()) else failing_since end,
      last_success_at = case when $3 then now() else last_success_at end
    where id = $1`,
};

const now = () => fn('now');
const inSeconds = (seconds: number) => literal(`now() + ${seconds} * interval '1 second'`);

/** Webhooks of operators and their deliveries. */
export function createWebhooks({
  pool,
  notifications,
}: {
  pool: Pool;
  notifications: Pick<Notifications, 'publish'>;
}): Webhooks {
  const change = async (id: string, changes: Parameters<typeof Webhook.update>[0], tx: Tx) => {
    const [, [webhook]] = await Webhook.update(changes, { where: { id }, returning: true, transaction: tx });
    return record.from(webhook!);
  };
  const resume = (id: string, tx: Tx) =>
    Webhook.update({ pausedUntil: now() }, { where: { id }, silent: true, transaction: tx });
  const tell = (tx: Tx) => notifications.publish(WEBHOOK_TOPIC, '', tx);
  return {
    async list(request) {
      const page = await pageOf(pool, LIST, request);
      return { ...page, items: record.read(page.items) };
    },
    async find(id) {
      const webhook = await Webhook.findByPk(id);
      return webhook && record.from(webhook);
    },
    count: (tx) => Webhook.count({ transaction: tx }),
    async lock(id, tx) {
      // Earlier events go to the webhooks as they were.
      await writeGathered();
      const webhook = await Webhook.findByPk(id, { transaction: tx, lock: tx.LOCK.UPDATE });
      return webhook && record.from(webhook);
    },
    async create(webhook, tx) {
      await writeGathered();
      return record.from(await Webhook.create({ id: newUuid(), ...webhook }, { transaction: tx }));
    },
    update: (id, changes, tx) => change(id, changes, tx),
    async rotate(id, secret, overlap, tx) {
      const before = await Webhook.findByPk(id, { transaction: tx, rejectOnEmpty: true });
      return change(
        id,
        overlap === 0
          ? { secret, formerSecret: null, formerSecretExpiresAt: null }
          : { secret, formerSecret: before.secret, formerSecretExpiresAt: inSeconds(overlap) },
        tx,
      );
    },
    async disable(id, reason, tx) {
      if (reason !== 'operator')
        await WebhookDelivery.update(
          {
            status: 'failed',
            error: 'the webhook was disabled',
            finishedAt: now(),
            expiresAt: inSeconds(KEPT),
          },
          { where: { webhookId: id, status: 'waiting' }, transaction: tx },
        );
      return change(id, { enabled: false, disabledAt: now(), disabledReason: reason }, tx);
    },
    async enable(id, tx) {
      const on = { enabled: true, disabledAt: null, disabledReason: null };
      const webhook = await change(id, { ...on, failures: 0, failingSince: null, pausedUntil: now() }, tx);
      await WebhookDelivery.update(
        { dueAt: now() },
        { where: { webhookId: id, status: 'waiting' }, transaction: tx },
      );
      await tell(tx);
      return webhook;
    },
    async delete(id, tx) {
      await Webhook.destroy({ where: { id }, transaction: tx });
    },
    async deliveries(webhook, request) {
      await writeGathered();
      const page = await pageOf(pool, DELIVERIES, { ...request, filters: { ...request.filters, webhook } });
      return { ...page, items: deliveryRecord.read(page.items) };
    },
    async findDelivery(webhookId, id) {
      await writeGathered();
      const delivery = await WebhookDelivery.findOne({ where: { id, webhookId } });
      return delivery && deliveryRecord.from(delivery);
    },
    async deliver({ webhookId, type, data, at, eventId }, tx) {
      const id = newUuid();
      const values = { id, webhookId, type, data, at, eventId: eventId ?? id };
      const left = await WebhookDelivery.create(values, { transaction: tx });
      await resume(webhookId, tx);
      await tell(tx);
      return deliveryRecord.from(await left.reload({ transaction: tx }));
    },
    async hurry(delivery, tx) {
      const { id, webhookId } = delivery;
      const [, [hurried]] = await WebhookDelivery.update(
        { dueAt: now() },
        { where: { id, status: 'waiting' }, returning: true, transaction: tx },
      );
      await resume(webhookId, tx);
      await tell(tx);
      return hurried ? deliveryRecord.from(hurried) : delivery;
    },
  };
}

/** The queue of deliveries, shared by the nodes. */
export function createWebhookQueue(pool: Pool): WebhookQueue {
  return {
    async lease(lease) {
      const { rows } = await pool.query({ ...LEASE, values: [lease] });
      return record.read(rows)[0] ?? null;
    },
    async take({ id }, limit, lease) {
      const { rows } = await pool.query<Taken>({ ...TAKE, values: [id, limit, lease] });
      return rows;
    },
    async settle({ id }, outcomes, pause) {
      for (const { delivery, status, wait, responseStatus, error } of outcomes)
        await pool.query({
          ...SETTLE,
          values: [delivery.id, delivery.attempts, status, wait, responseStatus, error],
        });
      const isTaken = outcomes.some(({ status }) => status === 'delivered');
      const failures = outcomes.filter(({ error }) => error !== null).length;
      await pool.query({ ...GIVE_BACK, values: [id, pause, isTaken, failures] });
    },
  };
}
