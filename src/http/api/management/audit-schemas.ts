import { z } from 'zod';
import { isAddressRange } from '../../../core/network.ts';
import { EXPORT_FORMATS } from '../../../domain/operators/audit-log.ts';
import { text } from '../../endpoints/text.ts';
import { listOf, moment, oneOf, page, time } from './schemas.ts';

const actorKinds = ['anonymous', 'user', 'client', 'operator', 'system'] as const;
const values = z.record(z.string(), z.unknown()).nullable();

export const AuditEvent = z.strictObject({
  id: z.uuid(),
  type: z.string().describe('noun.verb'),
  outcome: z.enum(['success', 'failure']),
  at: moment,
  actor: z.strictObject({
    kind: z.enum(actorKinds),
    id: z.string().nullable(),
    name: z.string().nullable().describe('Its current name'),
  }),
  subject: z
    .strictObject({ id: z.string(), name: z.string().nullable() })
    .nullable()
    .describe('The account, group or role that the event is about'),
  client_id: z.string().nullable(),
  door: z.string().describe('The channel: pages, api, cli, oidc, contract:<name>'),
  ip: z.string().nullable(),
  browser: z.string().nullable(),
  system: z.string().nullable(),
  request_id: z.string().nullable(),
  before: values.describe('The changed fields before the event'),
  after: values.describe('The changed fields after the event, or other details of it'),
  reason: z.string().nullable(),
  puts_back: z.uuid().optional().describe('The event that this one undid'),
});
export const AuditEvents = listOf(AuditEvent);

const filters = {
  type: oneOf(
    z.string().regex(/^[a-z_]{1,64}(?:\.(?:[a-z_]{1,64}|\*))?$/),
    'The event type: `user.created`, or `user.*` for all of a noun',
  ),
  outcome: oneOf(z.enum(['success', 'failure']), 'The outcome'),
  actor: oneOf(
    text(
      'The id, address or username of an account, the id of a client, or the name of a user of the host',
    ).max(320),
    'The actor',
  ),
  subject: oneOf(
    text('The id, address or username of an account').max(320),
    'The account that the event is about',
  ),
  client_id: oneOf(text('The id of a client').max(255), 'The client'),
  door: oneOf(
    z
      .string()
      .max(100)
      .regex(/^(?:[a-z]+|contract:[^\p{C}]+)$/u, 'must be a channel, or contract:<name>')
      .describe('pages, console, api, scim, cli, oidc, system or contract:<name>'),
    'The channel',
  ),
  ip: oneOf(
    z.string().max(50).refine(isAddressRange, 'must be an address or a CIDR block'),
    'An address, or a CIDR block like 10.0.0.0/8',
  ),
  request_id: oneOf(text('The `X-Request-Id` of a request').max(100), 'The request'),
  after: time('Start, inclusive'),
  before: time('End, exclusive'),
};
export const AuditPage = z.strictObject({ ...filters, ...page(['at']) });
export const AuditExport = z.strictObject({ ...filters, format: z.enum(EXPORT_FORMATS).default('ndjson') });
export const eventId = { id: text('The id of the event') };
