// raw-sql: the conditions of a list for `listing.ts`, and names from four tables in one statement.
import type { Pool } from 'pg';
import { type AuditRecord, auditRecord, eventFrom } from './audit.ts';
import { type AuditFilters, type AuditSort, createAuditPages } from './audit-pages.ts';
import type { Listing, Page, PageRequest } from './listing.ts';
import { AuditEvent } from './models/audit-event.ts';
import type { Executor } from './postgres/executor.ts';
import { writeGathered } from './postgres/transaction.ts';

export type { AuditFilters, AuditSort } from './audit-pages.ts';

/** Names by id for the events of a page. Deleted ones are missing. */
export type Names = ReadonlyMap<string, string>;

export interface AuditSearch {
  list(request: PageRequest<AuditSort, AuditFilters>): Promise<Page<AuditRecord>>;
  find(id: string): Promise<AuditRecord | null>;
  /** The latest event that undid the change of this one. */
  findAnswer(id: string): Promise<AuditRecord | null>;
  /** @param ids UUIDs of accounts and groups. @param clientIds ids of clients, directories included. */
  names(ids: readonly string[], clientIds: readonly string[]): Promise<Names>;
}

const EVERYTHING = '.*';

/** Compares a single value by equality, so that an index can give the order too. */
const among = (
  column: string,
  values: readonly unknown[],
  parameter: (value: unknown) => string,
  type = 'text',
) =>
  values.length === 1
    ? `${column} = ${parameter(values[0])}::${type}`
    : `${column} = any(${parameter(values)}::${type}[])`;

const either = (conditions: string[]): string => `(${conditions.join(' or ')})`;

const LIST: Listing<AuditSort, AuditFilters> = {
  from: 'audit_events',
  columns: auditRecord.columns,
  sorts: { at: { by: 'at', type: 'timestamptz' } },
  id: { by: 'id', type: 'uuid' },
  filters: {
    type(values, parameter) {
      const nouns = values.filter((value) => value.endsWith(EVERYTHING)).map((value) => value.slice(0, -2));
      const types = values.filter((value) => !value.endsWith(EVERYTHING));
      return either([
        ...(types.length > 0 ? [among('type', types, parameter)] : []),
        ...(nouns.length > 0 ? [among("split_part(type, '.', 1)", nouns, parameter)] : []),
      ]);
    },
    outcome: (values, parameter) => among('outcome', values, parameter),
    actor: (values, parameter) => among('actor_id', values, parameter),
    subject: (values, parameter) => among('subject', values, parameter, 'uuid'),
    clientId: (values, parameter) => among('client_id', values, parameter),
    door: (values, parameter) => among('door', values, parameter),
    // Compare a single address by equality: its index gives the order of time, too.
    ip: (values, parameter) =>
      either(values.map((value) => `ip ${value.includes('/') ? '<<=' : '='} ${parameter(value)}::inet`)),
    requestId: (values, parameter) => among('request_id', values, parameter),
    after: (value, parameter) => `at >= ${parameter(value)}`,
    before: (value, parameter) => `at < ${parameter(value)}`,
  },
};

const NAMES = `select id::text, coalesce(name, username, email) as name from users
    where id = any($1::uuid[]) and status <> 'deleted'
  union all select id::text, name from groups where id = any($1::uuid[])
  union all select id, name from clients where id = any($2)
  union all select id::text, name from scim_tokens where id::text = any($2)`;

const ANSWER = `select ${auditRecord.columns} from audit_events where details ->> 'putsBack' = $1
  order by at desc, id desc limit 1`;

/** Searches audit events in PostgreSQL. @param bounded runs statements that combinations of conditions may make slow. */
export function createAuditSearch(pool: Pool, bounded: Executor = pool): AuditSearch {
  const pages = createAuditPages(pool, bounded, LIST);
  return {
    async list(request) {
      await writeGathered();
      const page = await pages(request);
      return { ...page, items: auditRecord.read(page.items).map(eventFrom) };
    },
    async find(id) {
      await writeGathered();
      const event = await AuditEvent.findByPk(id);
      return event && eventFrom(auditRecord.from(event));
    },
    async findAnswer(id) {
      await writeGathered();
      const { rows } = await pool.query<object>(ANSWER, [id]);
      const [event] = auditRecord.read(rows);
      return event ? eventFrom(event) : null;
    },
    async names(ids, clientIds) {
      if (ids.length + clientIds.length === 0) return new Map();
      const { rows } = await pool.query<{ id: string; name: string }>(NAMES, [ids, clientIds]);
      return new Map(rows.map(({ id, name }) => [id, name]));
    },
  };
}
