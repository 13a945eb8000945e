import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { textOf } from '../../core/text.ts';
import type { AuditRecord, AuditType } from '../../storage/audit.ts';
import type { AuditFilters, AuditSearch, AuditSort, Names } from '../../storage/audit-search.ts';
import type { Stores } from '../../storage/stores.ts';
import { lookUp } from '../lookup.ts';
import { deviceOf } from '../notices.ts';
import type { Listed, ListOptions, ReadList } from './lists.ts';
import { checkChannels, checkEventTypes } from './filters.ts';
import { type Operator, requirePermission } from './operator.ts';

export type { AuditType } from '../../storage/audit.ts';
export type { AuditFilters } from '../../storage/audit-search.ts';

type Values = Record<string, unknown>;

/** An event as operators see it, with the current names of its ids. */
export interface AuditItem {
  id: string;
  type: AuditType;
  outcome: AuditRecord['outcome'];
  at: Date;
  actor: { kind: Actor['kind']; id: string | null; name: string | null };
  /** The subject: an account, a group or a role; null for anything else. */
  subject: { id: string; name: string | null } | null;
  clientId: string | null;
  /** The client's current name. */
  clientName: string | null;
  /** The group, provider, key, template or the like that it concerns besides the subject, by name if it has one. */
  what: string | null;
  door: string;
  ip: string | null;
  browser: string | null;
  system: string | null;
  requestId: string | null;
  /** The earlier values of changed fields. */
  before: Values | null;
  /** The new values of changed fields; for an event that changes no field, its other details. */
  after: Values | null;
  reason: string | null;
  /** The id of the event whose change it undoes. */
  putsBack: string | null;
}

export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Searches the audit for operators. People among the filters are found by id, address or username. */
export interface AuditLog {
  /** Newest first unless sorted. @throws DomainError insufficient_scope, invalid_cursor, invalid_request. */
  list(operator: Operator, options: ListOptions<AuditSort, AuditFilters>): Promise<Listed<AuditItem>>;
  /** @throws DomainError insufficient_scope, not_found. */
  find(operator: Operator, id: string): Promise<AuditItem>;
  /** The latest event that undoes this one's change; null without one. @throws DomainError insufficient_scope. */
  findAnswer(operator: Operator, id: string): Promise<AuditItem | null>;
  /**
   * All events that match, newest first, read on demand. The export is itself an event.
   * @throws DomainError insufficient_scope, invalid_request.
   */
  export(
    operator: Operator,
    options: { format: ExportFormat; filters: AuditFilters },
  ): Promise<AsyncIterable<AuditItem[]>>;
}

/** Events per read of an export. */
const BATCH = 500;

const valuesOf = (value: unknown): Values | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : null;

/** Don't store addresses: the audit must not identify deleted people. */
const isNoAddress = (name: string): boolean => !name.includes('@');

/** The subject of an event that is not about an account. */
const OTHER_SUBJECTS = ['group', 'role', 'webhook', 'contract', 'identifier'] as const;
/** Subjects named by their ids. */
const BY_NAME: ReadonlySet<string | undefined> = new Set(['role', 'contract', 'identifier']);
/** Details that name what an event concerns besides its subject. */
const NAMING = ['group', 'kid', 'template', 'operation', 'name', 'id'] as const;

const whatOf = ({ details }: Pick<AuditRecord, 'details'>): string | null =>
  NAMING.map((key) => textOf(details[key])).find((text) => text !== null) ?? null;

/** The details of an event besides actor, time and source. */
function toldBy({ subject, details }: AuditRecord) {
  const { reason, putsBack, ...rest } = details;
  const about = subject === null ? OTHER_SUBJECTS.find((key) => textOf(details[key]) !== null) : undefined;
  const subjectId = subject ?? (about === undefined ? null : textOf(details[about]));
  if (about !== undefined) delete rest[about];
  const before = valuesOf(details['before']);
  const changed = valuesOf(details['after']);
  const isChange = before !== null || changed !== null;
  return {
    subjectId,
    before,
    after: isChange ? changed : Object.keys(rest).length > 0 ? rest : null,
    reason: textOf(reason),
    putsBack: textOf(putsBack),
    isName: BY_NAME.has(about),
  };
}

export function createAuditLog({
  search,
  users,
  readList,
  audit,
}: Pick<Stores, 'users' | 'audit'> & { search: AuditSearch; readList: ReadList }): AuditLog {
  /** Resolves names of people to ids. Unknown names are searched as given. */
  const idsOf = (names: readonly string[]) =>
    Promise.all(
      names.map(async (name) =>
        isUuid(name) ? name.toLowerCase() : ((await lookUp(users, { identifier: name })).account?.id ?? name),
      ),
    );

  /** @throws DomainError invalid_request for a type or a channel that does not exist. */
  const resolved = async ({ actor, subject, ...filters }: AuditFilters): Promise<AuditFilters> => {
    checkEventTypes('type', filters.type);
    checkChannels('door', filters.door);
    return {
      ...filters,
      ...(actor && { actor: await idsOf(actor) }),
      // Search subjects by account ids only.
      ...(subject && { subject: (await idsOf(subject)).filter(isUuid) }),
    };
  };

  const toItem = (event: AuditRecord, names: Names): AuditItem => {
    const { id, type, outcome, at, actor, clientId } = event;
    const what = whatOf(event);
    const { subjectId, isName, ...told } = toldBy(event);
    const nameOf = (of: string | null) => (of === null ? null : (names.get(of) ?? null));
    return {
      id,
      type,
      outcome,
      at,
      actor: {
        kind: actor.kind,
        id: actor.id,
        name: actor.kind === 'operator' ? actor.id : nameOf(actor.id),
      },
      subject: subjectId === null ? null : { id: subjectId, name: isName ? subjectId : nameOf(subjectId) },
      clientId,
      clientName: nameOf(clientId),
      what: nameOf(what) ?? what,
      door: actor.door,
      ip: actor.ip,
      ...deviceOf(actor.userAgent),
      requestId: actor.requestId,
      ...told,
    };
  };

  /** Looks up their names for all at once. */
  const toItems = async (events: AuditRecord[]): Promise<AuditItem[]> => {
    const ids = new Set<string>();
    const clientIds = new Set<string>();
    for (const event of events) {
      const { actor } = event;
      const { subjectId } = toldBy(event);
      if (actor.kind === 'user' && isUuid(actor.id)) ids.add(actor.id);
      if (actor.kind === 'client' && actor.id !== null) clientIds.add(actor.id);
      if (isUuid(subjectId)) ids.add(subjectId);
      const what = whatOf(event);
      if (isUuid(what)) ids.add(what);
      if (event.clientId !== null) clientIds.add(event.clientId);
    }
    const names = await search.names([...ids], [...clientIds]);
    return events.map((event) => toItem(event, names));
  };

  return {
    async list(operator, options) {
      requirePermission(operator, 'audit:read');
      const page = await readList('audit', options, '-at', async (request) =>
        search.list({ ...request, filters: await resolved(request.filters) }),
      );
      return { ...page, items: await toItems(page.items) };
    },
    async find(operator, id) {
      requirePermission(operator, 'audit:read');
      const event = isUuid(id) ? await search.find(id) : null;
      if (!event) throw new DomainError('not_found');
      const [item] = await toItems([event]);
      return item!;
    },
    async findAnswer(operator, id) {
      requirePermission(operator, 'audit:read');
      const event = await search.findAnswer(id);
      return event && (await toItems([event]))[0]!;
    },
    async export(operator, { format, filters: asked }) {
      requirePermission(operator, 'audit:read');
      const filters = await resolved(asked);
      const noted = { ...filters, ...(filters.actor && { actor: filters.actor.filter(isNoAddress) }) };
      await audit.record({ type: 'audit.exported', details: { format, filters: noted } }, operator.actor);
      return (async function* () {
        for (let after: string[] | null = null; ;) {
          const page = await search.list({ filters, sort: 'at', descending: true, limit: BATCH, after });
          yield await toItems(page.items);
          if (!page.next) return;
          after = page.next;
        }
      })();
    },
  };
}
