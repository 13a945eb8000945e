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
    name: z.string().nullable().describe('What it is called now'),
  }),
  subject: z
    .strictObject({ id: z.string(), name: z.string().nullable() })
    .nullable()
    .describe('The account, the group or the role that it is about'),
  client_id: z.string().nullable(),
  door: z.string().describe('How it came: pages, api, cli, oidc, contract:<name>'),
  ip: z.string().nullable(),
  browser: z.string().nullable(),
  system: z.string().nullable(),
  request_id: z.string().nullable(),
  before: values.describe('The changed fields as they were'),
  after: values.describe('The changed fields as they are since, or what else is known of the event'),
  reason: z.string().nullable(),
  puts_back: z.uuid().optional().describe('The event whose change this one took back'),
});
export const AuditEvents = listOf(AuditEvent);

const filters = {
  type: oneOf(
    z.string().regex(/^[a-z_]{1,64}(?:\.(?:[a-z_]{1,64}|\*))?$/),
    'What happened: `user.created`, or `user.*` for all of a noun',
  ),
  outcome: oneOf(z.enum(['success', 'failure']), 'How it ended'),
  actor: oneOf(
    text(
      'The id, address or username of an account, the id of a client, or the name of a user of the host',
    ).max(320),
    'Who did it',
  ),
  subject: oneOf(text('The id, address or username of an account').max(320), 'Whom it is about'),
  client_id: oneOf(text('The id of a client').max(255), 'The app'),
  door: oneOf(text('pages, api, cli, oidc, contract:<name>').max(100), 'How it came'),
  ip: oneOf(
    z.string().max(50).refine(isAddressRange, 'must be an address or a CIDR block'),
    'From where: an address, or a block as 10.0.0.0/8',
  ),
  request_id: oneOf(text('As `X-Request-Id` says it').max(100), 'The request'),
  after: time('From then on'),
  before: time('Before then'),
};
export const AuditPage = z.strictObject({ ...filters, ...page(['at']) });
export const AuditExport = z.strictObject({ ...filters, format: z.enum(EXPORT_FORMATS).default('ndjson') });
export const eventId = { id: text('The id of the event') };
