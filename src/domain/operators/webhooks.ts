import { DomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { isWebhookSecret, newWebhookSecret } from '../../core/standard-webhooks.ts';
import { systemActor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import { TEST_EVENT, toldOf } from '../../storage/event-catalogue.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { UserSearch } from '../../storage/user-search.ts';
import type {
  DeliveryFilters,
  DeliveryRecord,
  WebhookRecord,
  Webhooks as WebhookStore,
} from '../../storage/webhooks.ts';
import type { Stores } from '../../storage/stores.ts';
import { recipientOf } from '../notices.ts';
import type { OutgoingMail } from '../outgoing-mail.ts';
import {
  changesOf,
  checkDescription,
  checkVersion,
  type Expected,
  type Operator,
  refuse,
  requirePermission,
} from './operator.ts';
import { checkEventTypes } from './filters.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';
import { BUILT_IN_ROLES, isPermission, withIncluded } from './permissions.ts';

export { EVENTS, TEST_EVENT } from '../../storage/event-catalogue.ts';
export { DELIVERY_STATUSES } from '../../storage/webhooks.ts';

/** A webhook, as operators see it, without its secrets. */
export type Webhook = Omit<WebhookRecord, 'secret' | 'formerSecret'>;
export type Delivery = DeliveryRecord;

export interface WebhookChanges {
  url?: string | undefined;
  description?: string | undefined;
  /** Types, `noun.*` or `*`. */
  eventTypes?: string[] | undefined;
  enabled?: boolean | undefined;
}

export interface Webhooks {
  /** @throws DomainError insufficient_scope, invalid_cursor. */
  list(operator: Operator, options: ListOptions<'created_at', object>): Promise<Listed<Webhook>>;
  /** @throws DomainError insufficient_scope, not_found. */
  find(operator: Operator, id: string): Promise<Webhook>;
  /**
   * Sends future events to it, signed with its secret, which is shown this once.
   * @param webhook.secret a new one by default.
   * @throws DomainError insufficient_scope, invalid_request, too_many_webhooks.
   */
  create(
    operator: Operator,
    webhook: WebhookChanges & { url: string; secret?: string | undefined },
  ): Promise<{ webhook: Webhook; secret: string }>;
  /** @throws DomainError as `find`; invalid_request, precondition_failed. */
  update(operator: Operator, id: string, changes: WebhookChanges, expected?: Expected): Promise<Webhook>;
  /** Deletes it with its deliveries. @throws DomainError as `find`; precondition_failed. */
  remove(operator: Operator, id: string, expected?: Expected): Promise<void>;
  /**
   * Gives it a new secret; the old one signs beside it for `overlap` seconds.
   * @throws DomainError as `find`; precondition_failed.
   */
  rotate(
    operator: Operator,
    id: string,
    overlap: number,
    expected?: Expected,
  ): Promise<{ webhook: Webhook; secret: string }>;
  /** Sends a test event. @throws DomainError as `find`; webhook_disabled. */
  test(operator: Operator, id: string): Promise<Delivery>;
  /** @throws DomainError as `list`; not_found, invalid_request for a type that does not exist. */
  deliveries(
    operator: Operator,
    id: string,
    options: ListOptions<'created_at', DeliveryFilters>,
  ): Promise<Listed<Delivery>>;
  /** @throws DomainError insufficient_scope, not_found. */
  findDelivery(operator: Operator, id: string, deliveryId: string): Promise<Delivery>;
  /**
   * Sends a delivery again, under its event's id: a waiting one at once, a finished one as a new delivery.
   * @throws DomainError insufficient_scope, not_found, webhook_disabled.
   */
  replay(operator: Operator, id: string, deliveryId: string): Promise<Delivery>;
  /** Disables webhooks that answer 410 or failed for three days, and notifies the operators who can fix them. */
  disable(id: string, reason: 'gone' | 'failing'): Promise<void>;
}

/** Each has its own lane on every node. */
const MAX_WEBHOOKS = 100;

/** Maximum of operators to notify. */
const MAX_NOTIFIED = 20;

const MAX_URL_LENGTH = 2_048;

const PERMISSION = 'webhooks:write';

const EVERY_EVENT = '*';

const shown = ({ secret: _secret, formerSecret: _former, ...webhook }: WebhookRecord): Webhook => webhook;

/** The audited fields of a webhook. */
const contentOf = ({ url, description, eventTypes, enabled }: WebhookRecord) => ({
  url,
  description,
  event_types: eventTypes,
  enabled,
});

export function createWebhooks(
  dependencies: Pick<Stores, 'roles' | 'audit' | 'inTransaction'> & {
    store: WebhookStore;
    people: Pick<UserSearch, 'list'>;
    outgoingMail: Pick<OutgoingMail, 'enqueue'>;
    readList: ReadList;
    clock: Clock;
    /** Whether requests may go to a URL, as far as DNS tells now. */
    mayCall(url: URL): Promise<boolean>;
  },
): Webhooks {
  const { store, roles, people, outgoingMail, readList, audit, inTransaction, clock, mayCall } = dependencies;

  const checkUrl = async (text: string): Promise<string> => {
    const url = text.length > MAX_URL_LENGTH ? null : URL.parse(text);
    if (
      !url ||
      !/^https?:$/.test(url.protocol) ||
      url.username !== '' ||
      url.password !== '' ||
      url.hash !== ''
    )
      return refuse('url', 'not_a_url');
    if (!(await mayCall(url))) refuse('url', 'not_public');
    return url.href;
  };

  /** @throws DomainError invalid_request. */
  const parse = async ({ url, description, eventTypes, enabled }: WebhookChanges) => {
    checkDescription(description);
    checkEventTypes('event_types', eventTypes, [EVERY_EVENT]);
    if (eventTypes?.length === 0) refuse('event_types', 'empty');
    return {
      ...(url === undefined ? {} : { url: await checkUrl(url) }),
      ...(description === undefined ? {} : { description }),
      ...(eventTypes === undefined ? {} : { eventTypes: [...new Set(eventTypes)].sort() }),
      ...(enabled === undefined ? {} : { enabled }),
    };
  };

  const lock = async (id: string, tx: Tx, expected?: Expected): Promise<WebhookRecord> => {
    const webhook = isUuid(id) ? await store.lock(id, tx) : null;
    if (!webhook) throw new DomainError('not_found');
    checkVersion(webhook, expected);
    return webhook;
  };

  const existing = async (id: string): Promise<WebhookRecord> => {
    const webhook = isUuid(id) ? await store.find(id) : null;
    if (!webhook) throw new DomainError('not_found');
    return webhook;
  };

  const delivery = async (id: string, deliveryId: string): Promise<DeliveryRecord> => {
    const found = isUuid(id) && isUuid(deliveryId) ? await store.findDelivery(id, deliveryId) : null;
    if (!found) throw new DomainError('not_found');
    return found;
  };

  /** Operators who can enable it again, by verified address. */
  const tellOperators = async (webhook: WebhookRecord, reason: 'gone' | 'failing', tx: Tx): Promise<void> => {
    const can = (permissions: readonly string[]) =>
      withIncluded(permissions.filter(isPermission)).has(PERMISSION);
    const named = [
      ...Object.entries(BUILT_IN_ROLES)
        .filter(([, role]) => can(role.permissions))
        .map(([name]) => name),
      ...(await roles.list(tx)).filter((role) => can(role.permissions)).map(({ name }) => name),
    ];
    const { items } = await people.list({
      filters: { role: named, status: ['active'], emailVerified: true },
      sort: 'created_at',
      descending: false,
      limit: MAX_NOTIFIED,
      after: null,
    });
    const { host } = new URL(webhook.url);
    for (const account of items) {
      const content = {
        ...recipientOf(account),
        kind: 'webhook-disabled',
        endpoint: webhook.description === '' ? host : `${webhook.description} (${host})`,
        why: reason,
      } as const;
      const cause = `webhook-disabled:${webhook.id}:${webhook.version}:${account.id}`;
      await outgoingMail.enqueue({ cause, content, actor: systemActor, isOwners: true }, tx);
    }
  };

  return {
    async list(operator, options) {
      requirePermission(operator, 'webhooks:read');
      const page = await readList('webhooks', options, 'created_at', (request) => store.list(request));
      return { ...page, items: page.items.map(shown) };
    },
    async find(operator, id) {
      requirePermission(operator, 'webhooks:read');
      return shown(await existing(id));
    },
    async create(operator, { url, secret = newWebhookSecret(), ...content }) {
      requirePermission(operator, PERMISSION);
      if (!isWebhookSecret(secret)) refuse('secret', 'webhook_secret');
      const parsed = { description: '', eventTypes: ['*'], enabled: true, ...(await parse(content)) };
      const checked = await checkUrl(url);
      return inTransaction(async (tx) => {
        if ((await store.count(tx)) >= MAX_WEBHOOKS) throw new DomainError('too_many_webhooks');
        const made = await store.create({ ...parsed, url: checked, secret }, tx);
        const webhook = parsed.enabled ? made : await store.disable(made.id, 'operator', tx);
        const details = { webhook: webhook.id, after: contentOf(webhook) };
        await audit.record({ type: 'webhook.created', details }, operator.actor, tx);
        return { webhook: shown(webhook), secret };
      });
    },
    async update(operator, id, changes, expected) {
      requirePermission(operator, PERMISSION);
      await existing(id);
      const { enabled, ...parsed } = await parse(changes);
      return inTransaction(async (tx) => {
        const before = await lock(id, tx, expected);
        let after = changesOf(before, parsed) ? await store.update(id, parsed, tx) : before;
        if (enabled === true && !before.enabled) after = await store.enable(id, tx);
        if (enabled === false && before.enabled) after = await store.disable(id, 'operator', tx);
        const changed = changesOf(contentOf(before), contentOf(after));
        if (!changed) return shown(after);
        const isSwitch = Object.keys(changed.after).join() === 'enabled';
        const type = !isSwitch ? 'webhook.updated' : after.enabled ? 'webhook.enabled' : 'webhook.disabled';
        await audit.record({ type, details: { webhook: id, ...changed } }, operator.actor, tx);
        return shown(after);
      });
    },
    async remove(operator, id, expected) {
      requirePermission(operator, PERMISSION);
      await inTransaction(async (tx) => {
        const webhook = await lock(id, tx, expected);
        await store.delete(id, tx);
        const details = { webhook: id, before: contentOf(webhook) };
        await audit.record({ type: 'webhook.deleted', details }, operator.actor, tx);
      });
    },
    async rotate(operator, id, overlap, expected) {
      requirePermission(operator, PERMISSION);
      return inTransaction(async (tx) => {
        await lock(id, tx, expected);
        const secret = newWebhookSecret();
        const webhook = await store.rotate(id, secret, overlap, tx);
        const details = { webhook: id, overlap };
        await audit.record({ type: 'webhook.secret_rotated', details }, operator.actor, tx);
        return { webhook: shown(webhook), secret };
      });
    },
    async test(operator, id) {
      requirePermission(operator, PERMISSION);
      return inTransaction(async (tx) => {
        const webhook = await lock(id, tx);
        if (!webhook.enabled) throw new DomainError('webhook_disabled');
        const event = {
          outcome: 'success',
          subject: null,
          clientId: null,
          details: { webhook: id },
        } as const;
        const data = { ...toldOf({ type: 'webhook.tested', ...event }, operator.actor) };
        const at = new Date(clock.now());
        const left = await store.deliver({ webhookId: id, type: TEST_EVENT, data, at }, tx);
        await audit.record({ type: 'webhook.tested', details: { webhook: id } }, operator.actor, tx);
        return left;
      });
    },
    async deliveries(operator, id, options) {
      requirePermission(operator, 'webhooks:read');
      await existing(id);
      checkEventTypes('type', options.filters?.type, [TEST_EVENT]);
      return readList(`webhook ${id}`, options, '-created_at', (request) => store.deliveries(id, request));
    },
    async findDelivery(operator, id, deliveryId) {
      requirePermission(operator, 'webhooks:read');
      return delivery(id, deliveryId);
    },
    async replay(operator, id, deliveryId) {
      requirePermission(operator, PERMISSION);
      const found = await delivery(id, deliveryId);
      return inTransaction(async (tx) => {
        const webhook = await lock(id, tx);
        if (!webhook.enabled) throw new DomainError('webhook_disabled');
        const details = { webhook: id, delivery: deliveryId };
        await audit.record({ type: 'webhook.replayed', details }, operator.actor, tx);
        return found.status === 'waiting' ? store.hurry(found, tx) : store.deliver(found, tx);
      });
    },
    disable: (id, reason) =>
      inTransaction(async (tx) => {
        const webhook = await store.lock(id, tx);
        if (!webhook?.enabled) return;
        const after = await store.disable(id, reason, tx);
        const details = { webhook: id, reason, before: { enabled: true }, after: { enabled: after.enabled } };
        await audit.record({ type: 'webhook.disabled', details }, systemActor, tx);
        await tellOperators(webhook, reason, tx);
      }),
  };
}
