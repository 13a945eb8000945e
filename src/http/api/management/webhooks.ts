import type { z } from 'zod';
import type { Delivery, Webhook } from '../../../domain/operators/webhooks.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { etagOf } from '../versions.ts';
import { pageOf, resource } from './presenters.ts';
import * as schemas from './webhook-schemas.ts';

const at = (time: Date | null) => time?.toISOString() ?? null;

export const webhookOf = (webhook: Webhook): z.infer<typeof schemas.Webhook> => ({
  id: webhook.id,
  url: webhook.url,
  description: webhook.description,
  event_types: webhook.eventTypes,
  enabled: webhook.enabled,
  disabled_at: at(webhook.disabledAt),
  disabled_reason: webhook.disabledReason,
  failing_since: at(webhook.failingSince),
  last_success_at: at(webhook.lastSuccessAt),
  former_secret_expires_at: at(webhook.formerSecretExpiresAt),
  created_at: webhook.createdAt.toISOString(),
  updated_at: webhook.updatedAt.toISOString(),
  version: webhook.version,
});

export const deliveryOf = (delivery: Delivery): z.infer<typeof schemas.Delivery> => ({
  id: delivery.id,
  webhook_id: delivery.webhookId,
  event_id: delivery.eventId,
  type: delivery.type,
  status: delivery.status,
  attempts: delivery.attempts,
  response_status: delivery.responseStatus,
  error: delivery.error,
  created_at: delivery.createdAt.toISOString(),
  attempted_at: at(delivery.attemptedAt),
  next_attempt_at: delivery.status === 'waiting' ? at(delivery.dueAt) : null,
  finished_at: at(delivery.finishedAt),
});

const changesOf = <T extends z.output<typeof schemas.WebhookChanges>>({
  event_types: eventTypes,
  ...changes
}: T) => ({ ...changes, eventTypes });

const idOf = ({ params }: OperatorCall<unknown, unknown>) => params['id'] ?? '';

const asItIs = async (call: OperatorCall<unknown, unknown>) =>
  webhookOf(await call.services.webhooks.find(call.operator, idOf(call)));

/** A webhook with its secret, which is shown once. */
const withSecret = (status: number, { webhook, secret }: { webhook: Webhook; secret: string }) => ({
  status,
  body: { ...webhookOf(webhook), secret },
  headers: { ETag: etagOf(webhook.version), Location: `/api/v2/webhooks/${webhook.id}` },
});

/** @param enabled whether to enable or disable it. */
const switching = (enabled: boolean) =>
  managed({
    id: enabled ? 'enableWebhook' : 'disableWebhook',
    method: 'post',
    path: `/webhooks/{id}/${enabled ? 'enable' : 'disable'}`,
    params: schemas.webhookId,
    summary: enabled
      ? 'Enable a webhook; waiting deliveries are sent at once'
      : 'Disable a webhook; pending deliveries wait until it is enabled',
    scope: 'webhooks:write',
    replies: { 200: schemas.Webhook },
    refusals: [404, 412],
    async handle(call) {
      const { operator, expected, services } = call;
      return resource(
        200,
        webhookOf(await services.webhooks.update(operator, idOf(call), { enabled }, expected)),
      );
    },
    current: asItIs,
  });

/** Webhook endpoints. */
export const webhooks = [
  managed({
    id: 'listEventTypes',
    method: 'get',
    path: '/webhooks/event-types',
    summary: 'List the event types',
    scope: 'webhooks:read',
    replies: { 200: schemas.EventTypes },
    async handle() {
      const items = schemas.messages.map(({ name, summary }) => ({ type: name, description: summary }));
      return { status: 200, body: { items, next_cursor: null } };
    },
  }),
  managed({
    id: 'listWebhooks',
    method: 'get',
    path: '/webhooks',
    summary: 'List the webhooks',
    scope: 'webhooks:read',
    query: schemas.WebhookPage,
    replies: { 200: schemas.Webhooks },
    async handle({ operator, query: { sort, ...query }, services }) {
      const page = await services.webhooks.list(operator, { ...query, ...(sort && { sort }) });
      return { status: 200, body: pageOf(page, webhookOf) };
    },
  }),
  managed({
    id: 'createWebhook',
    method: 'post',
    path: '/webhooks',
    summary: 'Create a webhook; its secret is shown only once',
    scope: 'webhooks:write',
    body: schemas.NewWebhook,
    replies: { 201: schemas.WebhookWithSecret },
    refusals: [409],
    async handle({ operator, body, services }) {
      return withSecret(201, await services.webhooks.create(operator, changesOf(body)));
    },
  }),
  managed({
    id: 'getWebhook',
    method: 'get',
    path: '/webhooks/{id}',
    params: schemas.webhookId,
    summary: 'Get a webhook',
    scope: 'webhooks:read',
    replies: { 200: schemas.Webhook },
    refusals: [404],
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateWebhook',
    method: 'patch',
    path: '/webhooks/{id}',
    params: schemas.webhookId,
    summary: 'Change the URL, the description or the events of a webhook',
    scope: 'webhooks:write',
    body: schemas.WebhookChanges,
    replies: { 200: schemas.Webhook },
    refusals: [404, 412],
    async handle(call) {
      const { operator, body, expected, services } = call;
      const changed = await services.webhooks.update(operator, idOf(call), changesOf(body), expected);
      return resource(200, webhookOf(changed));
    },
    current: asItIs,
  }),
  managed({
    id: 'deleteWebhook',
    method: 'delete',
    path: '/webhooks/{id}',
    params: schemas.webhookId,
    summary: 'Delete a webhook and its deliveries',
    scope: 'webhooks:write',
    replies: { 204: null },
    refusals: [404, 412],
    async handle(call) {
      await call.services.webhooks.remove(call.operator, idOf(call), call.expected);
      return { status: 204 };
    },
    current: asItIs,
  }),
  managed({
    id: 'rotateWebhookSecret',
    method: 'post',
    path: '/webhooks/{id}/rotate-secret',
    params: schemas.webhookId,
    summary: 'Create a new secret; the previous one also signs for a while',
    scope: 'webhooks:write',
    query: schemas.Rotation,
    replies: { 200: schemas.WebhookWithSecret },
    refusals: [404, 412],
    async handle(call) {
      const { operator, query, expected, services } = call;
      return withSecret(200, await services.webhooks.rotate(operator, idOf(call), query.overlap, expected));
    },
    current: asItIs,
  }),
  switching(true),
  switching(false),
  managed({
    id: 'testWebhook',
    method: 'post',
    path: '/webhooks/{id}/test',
    params: schemas.webhookId,
    summary: 'Send a test event',
    scope: 'webhooks:write',
    replies: { 202: schemas.Delivery },
    refusals: [404, 409],
    handle: async (call) => ({
      status: 202,
      body: deliveryOf(await call.services.webhooks.test(call.operator, idOf(call))),
    }),
  }),
  managed({
    id: 'listDeliveries',
    method: 'get',
    path: '/webhooks/{id}/deliveries',
    params: schemas.webhookId,
    summary: 'List the deliveries of a webhook, newest first unless sorted',
    scope: 'webhooks:read',
    query: schemas.DeliveryPage,
    replies: { 200: schemas.Deliveries },
    refusals: [404],
    async handle(call) {
      const { limit, cursor, sort, ...filters } = call.query;
      const options = { filters, limit, cursor, ...(sort && { sort }) };
      const page = await call.services.webhooks.deliveries(call.operator, idOf(call), options);
      return { status: 200, body: pageOf(page, deliveryOf) };
    },
  }),
  managed({
    id: 'getDelivery',
    method: 'get',
    path: '/webhooks/{id}/deliveries/{did}',
    params: schemas.deliveryIds,
    summary: 'Get a delivery with its message',
    scope: 'webhooks:read',
    replies: { 200: schemas.DeliveryWithBody },
    refusals: [404],
    async handle(call) {
      const { operator, params, services } = call;
      const delivery = await services.webhooks.findDelivery(operator, idOf(call), params['did'] ?? '');
      const { type, data, at: happened } = delivery;
      const body = { type, timestamp: happened.toISOString(), data };
      return { status: 200, body: { ...deliveryOf(delivery), body } };
    },
  }),
  managed({
    id: 'replayDelivery',
    method: 'post',
    path: '/webhooks/{id}/deliveries/{did}/replay',
    params: schemas.deliveryIds,
    summary: 'Send a delivery again: a waiting one at once, a completed one as a new delivery',
    scope: 'webhooks:write',
    replies: { 202: schemas.Delivery },
    refusals: [404, 409],
    handle: async (call) => ({
      status: 202,
      body: deliveryOf(
        await call.services.webhooks.replay(call.operator, idOf(call), call.params['did'] ?? ''),
      ),
    }),
  }),
];
