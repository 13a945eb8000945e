import type { z } from 'zod';
import { csvLine } from '../../../core/csv.ts';
import type { AuditItem, ExportFormat } from '../../../domain/operators/audit-log.ts';
import { managed } from '../operation.ts';
import * as schemas from './audit-schemas.ts';
import { pageOf } from './presenters.ts';

/** An event as shown. */
export const auditItemOf = (item: AuditItem): z.infer<typeof schemas.AuditEvent> => ({
  id: item.id,
  type: item.type,
  outcome: item.outcome,
  at: item.at.toISOString(),
  actor: item.actor,
  subject: item.subject,
  client_id: item.clientId,
  door: item.door,
  ip: item.ip,
  browser: item.browser,
  system: item.system,
  request_id: item.requestId,
  before: item.before,
  after: item.after,
  reason: item.reason,
  ...(item.putsBack !== null && { puts_back: item.putsBack }),
});

/** The columns of CSV: an event's fields, with nested objects flattened and field values as JSON. */
const COLUMNS: [name: string, of: (item: z.infer<typeof schemas.AuditEvent>) => string | null][] = [
  ['id', (item) => item.id],
  ['type', (item) => item.type],
  ['outcome', (item) => item.outcome],
  ['at', (item) => item.at],
  ['actor_kind', (item) => item.actor.kind],
  ['actor_id', (item) => item.actor.id],
  ['actor_name', (item) => item.actor.name],
  ['subject_id', (item) => item.subject?.id ?? null],
  ['subject_name', (item) => item.subject?.name ?? null],
  ['client_id', (item) => item.client_id],
  ['door', (item) => item.door],
  ['ip', (item) => item.ip],
  ['browser', (item) => item.browser],
  ['system', (item) => item.system],
  ['request_id', (item) => item.request_id],
  ['before', (item) => item.before && JSON.stringify(item.before)],
  ['after', (item) => item.after && JSON.stringify(item.after)],
  ['reason', (item) => item.reason],
];

export const EXPORT_TYPES: Record<ExportFormat, string> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
};

const LINE: Record<ExportFormat, (item: z.infer<typeof schemas.AuditEvent>) => string> = {
  ndjson: (item) => `${JSON.stringify(item)}\n`,
  csv: (item) => csvLine(COLUMNS.map(([, of]) => of(item))),
};

/** An export in pieces: one line per event; in CSV, a header line first. */
export async function* auditLines(format: ExportFormat, pages: AsyncIterable<AuditItem[]>) {
  if (format === 'csv') yield csvLine(COLUMNS.map(([name]) => name));
  for await (const items of pages) yield items.map((item) => LINE[format](auditItemOf(item))).join('');
}

const filtersOf = ({
  client_id: clientId,
  request_id: requestId,
  ...filters
}: Omit<z.output<typeof schemas.AuditExport>, 'format'>) => ({ ...filters, clientId, requestId });

/** The audit trail. */
export const audit = [
  managed({
    id: 'listAuditEvents',
    method: 'get',
    path: '/audit',
    summary: 'List events, newest first unless sorted',
    scope: 'audit:read',
    query: schemas.AuditPage,
    replies: { 200: schemas.AuditEvents },
    async handle({ operator, query, services }) {
      const { sort, limit, cursor, ...filters } = query;
      const page = await services.auditLog.list(operator, {
        filters: filtersOf(filters),
        limit,
        cursor,
        ...(sort && { sort }),
      });
      return { status: 200, body: pageOf(page, auditItemOf) };
    },
  }),
  managed({
    id: 'exportAuditEvents',
    method: 'get',
    path: '/audit/export',
    summary: 'Export all matching events, newest first, as a stream; recorded in the audit',
    scope: 'audit:read',
    query: schemas.AuditExport,
    replies: {},
    streams: Object.values(EXPORT_TYPES),
    async handle({ operator, query, services }) {
      const { format, ...filters } = query;
      const pages = await services.auditLog.export(operator, { format, filters: filtersOf(filters) });
      return {
        status: 200,
        stream: { type: EXPORT_TYPES[format], chunks: auditLines(format, pages) },
        headers: { 'Content-Disposition': `attachment; filename="audit.${format}"` },
      };
    },
  }),
  managed({
    id: 'getAuditEvent',
    method: 'get',
    path: '/audit/{id}',
    params: schemas.eventId,
    summary: 'Get an event',
    scope: 'audit:read',
    replies: { 200: schemas.AuditEvent },
    refusals: [404],
    handle: async ({ operator, params, services }) => ({
      status: 200,
      body: auditItemOf(await services.auditLog.find(operator, params['id'] ?? '')),
    }),
  }),
  managed({
    id: 'putBackAuditEvent',
    method: 'post',
    path: '/audit/{id}/put-back',
    params: schemas.eventId,
    summary:
      'Undo an event: restore the values from before it, as a new change; returns the event of that change',
    scope: 'audit:read',
    fresh: true,
    replies: { 200: schemas.AuditEvent },
    refusals: [404, 412],
    handle: async ({ operator, params, services }) => ({
      status: 200,
      body: auditItemOf(await services.putBack.putBack(operator, params['id'] ?? '')),
    }),
    current: ({ operator, params, services }) => services.putBack.current(operator, params['id'] ?? ''),
  }),
];
