import { z } from 'zod';
import { WEBHOOK_SECRET_FORM } from '../../../core/standard-webhooks.ts';
import { DELIVERY_STATUSES, EVENTS, TEST_EVENT } from '../../../domain/operators/webhooks.ts';
import { issuedSecret, text } from '../../endpoints/text.ts';
import { description, listOf, moment, oneOf, page, version } from './schemas.ts';

const time = moment.nullable();
const eventTypes = z
  .array(
    z.string().meta({
      description:
        'A type of `GET /webhooks/event-types`, `noun.*` for all of a noun, or `*`; `user.imported` is only sent if named in full',
      pattern: String.raw`^(\*|[a-z_]+(\.([a-z_]+|\*))?)$`,
      examples: ['user.*'],
    }),
  )
  .min(1)
  .max(100)
  .describe('The events to send');

export const Webhook = z.strictObject({
  id: z.uuid(),
  url: z.string(),
  description: z.string(),
  event_types: z.array(z.string()),
  enabled: z.boolean(),
  disabled_at: time,
  disabled_reason: z
    .enum(['operator', 'gone', 'failing'])
    .nullable()
    .describe('`gone`: it answered 410; `failing`: it accepted nothing for three days'),
  failing_since: time,
  last_success_at: time,
  former_secret_expires_at: time.describe('Until when the previous secret also signs'),
  created_at: moment,
  updated_at: moment,
  version,
});
export const WebhookWithSecret = Webhook.extend({
  secret: issuedSecret('The secret that signs messages, shown only once'),
});
export const Webhooks = listOf(Webhook);
export const WebhookPage = z.strictObject(page(['created_at']));

const url = text('A public https URL, or one that `outbound.allow` lists')
  .max(2_048)
  .meta({ examples: ['https://app.example.com/webhooks'] });
export const WebhookChanges = z.strictObject({
  url: url.optional(),
  description: description.optional(),
  event_types: eventTypes.optional(),
  enabled: z.boolean().optional(),
});
export const NewWebhook = WebhookChanges.extend({
  url,
  event_types: eventTypes.optional().describe('The events to send; default: all'),
  secret: z
    .string()
    .meta({ description: 'A secret of your own; default: a generated one', ...WEBHOOK_SECRET_FORM })
    .optional(),
});

const seconds = (value: unknown) =>
  typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
export const Rotation = z.strictObject({
  overlap: z
    .preprocess(seconds, z.int().min(0).max(604_800).default(86_400))
    .describe('Seconds that the previous secret also signs'),
});

const status = z.enum(DELIVERY_STATUSES);
export const Delivery = z.strictObject({
  id: z.uuid(),
  webhook_id: z.uuid(),
  event_id: z.uuid().describe('`webhook-id` of the message, the same for retries and replays'),
  type: z.string(),
  status: status.describe('`waiting` until it is accepted, or given up after three days'),
  attempts: z.int(),
  response_status: z.int().nullable().describe('The status of the last attempt'),
  error: z.string().nullable().describe('Why the last attempt failed'),
  created_at: moment,
  attempted_at: time,
  next_attempt_at: time.describe('Only while it waits'),
  finished_at: time,
});
export const DeliveryWithBody = Delivery.extend({
  body: z.record(z.string(), z.unknown()).describe('The body of the message'),
});
export const Deliveries = listOf(Delivery);
export const DeliveryPage = z.strictObject({
  status: oneOf(status, 'The status'),
  type: oneOf(text('A type of event').max(100), 'The event type'),
  ...page(['created_at']),
});

export const webhookId = { id: text('The id of the webhook') };
export const deliveryIds = { ...webhookId, did: text('The id of the delivery') };

const data = z
  .strictObject({
    outcome: z.enum(['success', 'failure']),
    actor: z.strictObject({
      kind: z.enum(['anonymous', 'user', 'client', 'operator', 'system']),
      id: z.string().nullable(),
    }),
    subject: z.strictObject({ id: z.string() }).nullable().describe('The account that the event is about'),
    client_id: z.string().nullable(),
    door: z.string().describe('The channel: pages, api, cli, oidc, contract:<name>'),
    request_id: z.string().nullable(),
    changed: z.array(z.string()).describe('The names of the changed fields'),
  })
  .describe('Only ids, no personal data: get the rest from the API');

const messageOf = (type: string, told: { description: string; details?: readonly string[] }) => ({
  name: type,
  summary: told.description,
  schema: z.strictObject({
    type: z.literal(type),
    timestamp: moment.describe('When it happened'),
    data: data.extend({
      details: z.strictObject(
        Object.fromEntries((told.details ?? []).map((name) => [snakeCase(name), z.unknown().optional()])),
      ),
    }),
  }),
});

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The events sent to receivers, by type. */
export const messages = [
  ...Object.entries(EVENTS).map(([type, told]) => messageOf(type, told)),
  messageOf(TEST_EVENT, { description: 'A test event', details: ['webhook'] }),
];

export const EventTypes = listOf(z.strictObject({ type: z.string(), description: z.string() }));
