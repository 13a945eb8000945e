import { Readable } from 'node:stream';
import { isAddressRange } from '../../../core/network.ts';
import type { AuditFilters, ExportFormat } from '../../../domain/operators/audit-log.ts';
import { isEventPattern } from '../../../domain/operators/filters.ts';
import { auditLines, EXPORT_TYPES } from '../../api/management/audit.ts';
import type { ConsoleCall } from '../call.ts';
import type { FilterSpec, Listing } from '../lists.ts';
import type { ConsoleProblem } from '../problems.ts';
import type { Room } from '../room.ts';
import { TYPE_OPTIONS } from './types.ts';

const DAY = 86_400_000;

const FILTERS: readonly FilterSpec[] = [
  { name: 'type', label: 'console.audit.type', type: 'select', options: TYPE_OPTIONS },
  { name: 'actor', label: 'console.audit.actor', hint: 'console.audit.personHint' },
  { name: 'subject', label: 'console.audit.subject', hint: 'console.audit.personHint' },
  { name: 'client_id', label: 'console.audit.app' },
  { name: 'door', label: 'console.audit.door', hint: 'console.audit.doorHint' },
  { name: 'ip', label: 'console.audit.ip', hint: 'console.audit.ipHint' },
  {
    name: 'outcome',
    label: 'console.audit.outcome',
    type: 'select',
    options: [
      { value: 'success', label: 'console.audit.success' },
      { value: 'failure', label: 'console.audit.failure' },
    ],
  },
  { name: 'request_id', label: 'console.audit.request' },
  { name: 'from', label: 'console.audit.from', type: 'date', hint: 'console.audit.utc' },
  { name: 'to', label: 'console.audit.to', type: 'date', hint: 'console.audit.toHint' },
];

/** The start of a day in UTC; undefined for an invalid date. */
function dayAt(text: string | undefined): Date | undefined {
  const at = Date.parse(`${text ?? ''}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text ?? '') && !Number.isNaN(at) ? new Date(at) : undefined;
}

/** Reads the filters of a list and their errors. "To" includes its day. */
function filtersOf(list: Pick<Listing, 'value' | 'values'>): {
  filters: AuditFilters;
  problems: ConsoleProblem[];
} {
  const outcome = list
    .values('outcome')
    ?.filter((one): one is 'success' | 'failure' => one === 'success' || one === 'failure');
  const [from, to] = [dayAt(list.value('from')), dayAt(list.value('to'))];
  const wrong = (name: string, isRight: (value: string) => boolean): ConsoleProblem[] =>
    list.values(name)?.every(isRight) === false
      ? [{ field: `filter-${name}`, message: 'console.problem.invalid' }]
      : [];
  return {
    filters: {
      type: list.values('type'),
      actor: list.values('actor'),
      subject: list.values('subject'),
      clientId: list.values('client_id'),
      door: list.values('door'),
      ip: list.values('ip'),
      requestId: list.values('request_id'),
      ...(outcome && outcome.length > 0 && { outcome }),
      ...(from && { after: from }),
      ...(to && { before: new Date(to.getTime() + DAY) }),
    },
    problems: [
      ...wrong('type', isEventPattern),
      ...wrong('ip', isAddressRange),
      ...wrong('from', (value) => dayAt(value) !== undefined),
      ...wrong('to', (value) => dayAt(value) !== undefined),
    ],
  };
}

async function list(call: ConsoleCall): Promise<void> {
  const listing = call.listing(FILTERS);
  const { filters, problems } = filtersOf(listing);
  if (problems.length > 0) call.refuse(400, problems);
  const { limit, cursor } = listing;
  const page =
    problems.length > 0
      ? { items: [], nextCursor: null }
      : await call.services.auditLog.list(call.operator, { filters, limit, cursor });
  const query = new URLSearchParams(
    FILTERS.flatMap(({ name }) =>
      (listing.values(name) ?? []).map((value): [string, string] => [name, value]),
    ),
  );
  call.show('audit/list', {
    list: listing.view(page),
    items: page.items,
    isFiltered: listing.isFiltered,
    exportOf: (format: ExportFormat) =>
      `/admin/audit/export?${String(query)}${query.size > 0 ? '&' : ''}format=${format}`,
  });
}

async function exportEvents(call: ConsoleCall): Promise<void> {
  const format: ExportFormat = call.parameter('format') === 'csv' ? 'csv' : 'ndjson';
  const { filters, problems } = filtersOf(call.listing(FILTERS));
  if (problems.length > 0) return list(call);
  const pages = await call.services.auditLog.export(call.operator, { format, filters });
  call.ctx.set('Content-Disposition', `attachment; filename="audit.${format}"`);
  call.ctx.type = EXPORT_TYPES[format];
  call.ctx.body = Readable.from(auditLines(format, pages));
}

async function showEvent(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const { auditLog, putBack } = services;
  const item = await auditLog.find(operator, call.param('id'));
  const [isOffered, answer] = await Promise.all([
    putBack.isOffered(operator, item.id),
    auditLog.findAnswer(operator, item.id),
  ]);
  // The change could not be reverted; show the current fields to explain why.
  const now = call.problems.length > 0 && isOffered ? await putBack.current(operator, item.id) : null;
  const fields = [...new Set([item.before, item.after].flatMap((values) => Object.keys(values ?? {})))];
  call.show('audit/one', { item, fields, isOffered, answer, now });
}

/** Pages of audit events, with "put back". */
export function auditRoutes({ page, form }: Room): void {
  page('/audit', { section: 'audit' }, list);
  page('/audit/:id', { section: 'audit' }, showEvent);
  page('/audit/export', { section: 'audit' }, exportEvents);
  form(
    '/audit/:id/put-back',
    { section: 'audit', permission: 'audit:read', fresh: true },
    showEvent,
    async (call) => {
      const event = await call.services.putBack.putBack(call.operator, call.param('id'));
      const message = { key: 'console.audit.done', params: { type: event.type } } as const;
      call.done(`/admin/audit/${event.id}`, message, {
        action: `/admin/audit/${event.id}/put-back`,
        fields: {},
      });
    },
  );
}
