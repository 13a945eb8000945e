import type { z } from 'zod';
import type { Delivery, Webhook } from '../../../domain/operators/webhooks.ts';
import type * as schemas from './webhook-schemas.ts';

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
