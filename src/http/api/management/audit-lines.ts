import type { z } from 'zod';
import { csvLine } from '../../../core/csv.ts';
import type { AuditItem, ExportFormat } from '../../../domain/operators/audit-log.ts';
import type * as schemas from './audit-schemas.ts';

/** An event as it is shown. */
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
});

/** The columns of CSV: an event's fields, those of objects by themselves, values of fields as JSON. */
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

/** An export in pieces: a line for each event, and in CSV one with the names before them. */
export async function* auditLines(format: ExportFormat, pages: AsyncIterable<AuditItem[]>) {
  if (format === 'csv') yield csvLine(COLUMNS.map(([name]) => name));
  for await (const items of pages) yield items.map((item) => LINE[format](auditItemOf(item))).join('');
}
