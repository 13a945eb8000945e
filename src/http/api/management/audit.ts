import type { z } from 'zod';
import { managed } from '../operation.ts';
import { auditItemOf, auditLines, EXPORT_TYPES } from './audit-lines.ts';
import * as schemas from './audit-schemas.ts';
import { pageOf } from './presenters.ts';

const filtersOf = ({
  client_id: clientId,
  request_id: requestId,
  ...filters
}: Omit<z.output<typeof schemas.AuditExport>, 'format'>) => ({ ...filters, clientId, requestId });

/** What happened. */
export const audit = [
  managed({
    id: 'listAuditEvents',
    method: 'get',
    path: '/audit',
    summary: 'What happened, the newest first unless sorted',
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
    summary: 'All that the filters find, the newest first, as it is read; that is an event, too',
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
    summary: 'One event',
    scope: 'audit:read',
    replies: { 200: schemas.AuditEvent },
    refusals: [404],
    handle: async ({ operator, params, services }) => ({
      status: 200,
      body: auditItemOf(await services.auditLog.find(operator, params['id'] ?? '')),
    }),
  }),
];
