/**
 * Pages of the audit log, read month by month: each statement reads one partition, until the page is full. With several filters,
 * events are found by kind: each matching kind, of some hundreds, is looked up in an index in order of time. So a page costs the
 * same whether many events match or none.
 *
 * raw-sql: recursion over an index, and lateral joins.
 */
import type { AuditRecord } from './audit.ts';
import {
  type Listing,
  type Page,
  type PageRequest,
  pageFrom,
  partsOf,
  type Positioned,
  rowsAmongNearest,
  rowsOf,
  rowsOfFew,
  type Walk,
} from './listing.ts';
import type { Executor } from './postgres/executor.ts';

/** Filters. All must match; a filter with several values matches any of them. */
export interface AuditFilters {
  /** `user.created`, or `user.*` for all types of a noun. */
  type?: readonly string[] | undefined;
  outcome?: readonly AuditRecord['outcome'][] | undefined;
  /** Ids of accounts and clients, names of operators at the shell. */
  actor?: readonly string[] | undefined;
  /** Ids of accounts. */
  subject?: readonly string[] | undefined;
  clientId?: readonly string[] | undefined;
  door?: readonly string[] | undefined;
  /** Addresses and CIDR blocks. */
  ip?: readonly string[] | undefined;
  requestId?: readonly string[] | undefined;
  /** Inclusive. */
  after?: Date | undefined;
  /** Exclusive. */
  before?: Date | undefined;
}

export type AuditSort = 'at';

type Request = Omit<PageRequest<AuditSort, AuditFilters>, 'limit'>;
type Rows = (object & Positioned)[];

/** A range of time without events of other partitions; an open end is null. */
interface Slice {
  lower: Date | null;
  upper: Date | null;
}

interface Kind {
  type: string;
  outcome: string;
  door: string;
}

/** Milliseconds to cache the partitions and the kinds of past months. */
const KEPT = 60_000;

/** With more kinds than this and no single account or client, the newest events are searched first. */
const MANY_KINDS = 20;
const NEWEST = { near: 2_000, furthest: 2_000 };

/** This many events take milliseconds to read, wherever they are. */
const FEW = 8_000;

/** Events to search for a block of addresses. They are stored in order of time, so reading them is cheap. */
const WALK = { near: 10_000, furthest: 400_000 };

const BOUNDS = `select distinct bound from partitions_of('audit_events'), unnest(array[lower, upper]) as bound
  where bound <= $1 order by bound`;

const NEXT_KIND = (more: string) => `select type, outcome, door from audit_events
  where at >= coalesce($1::timestamptz, '-infinity') and at < coalesce($2::timestamptz, 'infinity') ${more}
  order by type, outcome, door limit 1`;

/** The kinds in a slice, found by one index step each. */
const KINDS = `with recursive kinds as (
    (${NEXT_KIND('')})
    union all
    select next.* from kinds cross join lateral (
      ${NEXT_KIND('and (type, outcome, door) > (kinds.type, kinds.outcome, kinds.door)')}) as next)
  select * from kinds`;

const KIND_COLUMNS = ['type', 'outcome', 'door'] as const;

/** Counts the events of kinds within a time range, up to a small number. */
const COUNT_KINDS = `select count(*)::int as count from (
    select from unnest($1::text[], $2::text[], $3::text[]) as kinds (kind_type, kind_outcome, kind_door)
    cross join lateral (select from audit_events
      where type = kind_type and outcome = kind_outcome and door = kind_door
        and at >= coalesce($4::timestamptz, '-infinity') and at < coalesce($5::timestamptz, 'infinity')
      limit ${FEW}) as events
    limit ${FEW}) as found`;

const NEWEST_FIRST = { sort: 'at', descending: true, after: null } as const;

const matches = ({ type, outcome, door }: Kind, filters: AuditFilters): boolean =>
  (filters.type?.some((one) => one === type || one === `${type.split('.', 1)[0]}.*`) ?? true) &&
  (filters.outcome?.some((one) => one === outcome) ?? true) &&
  (filters.door?.includes(door) ?? true);

const isBlock = (address: string): boolean =>
  address.includes('/') && !address.endsWith(address.includes(':') ? '/128' : '/32');

/** The part of a slice within the time filters; null for none. */
function within({ lower, upper }: Slice, { after, before }: AuditFilters): AuditFilters | null {
  const from = lower && (!after || lower > after) ? lower : after;
  const until = upper && (!before || upper < before) ? upper : before;
  return from && until && from >= until ? null : { after: from, before: until };
}

/**
 * @param list its columns, conditions and order.
 * @param bounded runs statements that combinations of conditions may make slow.
 */
export function createAuditPages(pool: Executor, bounded: Executor, list: Listing<AuditSort, AuditFilters>) {
  let known: { bounds: Date[]; until: number } = { bounds: [], until: 0 };
  const past = new Map<number, { kinds: Kind[]; until: number }>();

  /** Slices of time in order, one per partition. The future is in one slice with the present. */
  async function slices(): Promise<Slice[]> {
    const now = Date.now();
    if (known.until < now) {
      const { rows } = await pool.query<{ bound: Date }>(BOUNDS, [new Date(now)]);
      known = { bounds: rows.map(({ bound }) => bound), until: now + KEPT };
    }
    const { bounds } = known;
    return [null, ...bounds].map((lower, index) => ({ lower, upper: bounds[index] ?? null }));
  }

  /** No events are added to a past month: its kinds stay the same. */
  async function kindsOf({ lower, upper }: Slice): Promise<Kind[]> {
    const key = lower && upper ? lower.getTime() : null;
    const now = Date.now();
    const remembered = key === null ? undefined : past.get(key);
    if (remembered && remembered.until > now) return remembered.kinds;
    const { rows } = await pool.query<Kind>(KINDS, [lower, upper]);
    if (key !== null) past.set(key, { kinds: rows, until: now + KEPT });
    return rows;
  }

  const amongNearest = (request: Request, count: number, walk: Walk): Promise<Rows> => {
    const { after, before } = request.filters;
    const options = { ...walk, walked: { after, before }, count };
    return rowsAmongNearest<AuditSort, AuditFilters, object>(pool, bounded, list, request, options);
  };

  /** Whether a slice has few events of a block of addresses, few enough to read in milliseconds. */
  async function isFewOfBlock({ ip, after, before }: AuditFilters): Promise<boolean> {
    const values: unknown[] = [];
    const parameter = (value: unknown) => `$${values.push(value)}`;
    const { where } = partsOf(list, { filters: { ip, after, before }, ...NEWEST_FIRST }, parameter);
    // Order by address, so that its index is used.
    const { rows } = await pool.query<{ count: number }>(
      `select count(*)::int as count from (select from audit_events ${where} order by ip limit ${FEW}) as found`,
      values,
    );
    return rows[0]!.count < FEW;
  }

  /** Whether a slice has few events of these kinds. */
  async function isFewOfKinds(kinds: Kind[], { after, before }: AuditFilters): Promise<boolean> {
    const { rows } = await pool.query<{ count: number }>(COUNT_KINDS, [
      ...KIND_COLUMNS.map((name) => kinds.map((kind) => kind[name])),
      after ?? null,
      before ?? null,
    ]);
    return rows[0]!.count < FEW;
  }

  /** Events of blocks of addresses are found by the index on addresses, which is not in order of time. */
  async function byBlock(slice: Slice, request: Request, count: number): Promise<Rows> {
    const { filters } = request;
    const all = async () =>
      (await rowsOfFew<AuditSort, AuditFilters, object>(bounded, list, request, count)) ??
      rowsOf<AuditSort, AuditFilters, object>(bounded, list, request, count);
    if (await isFewOfBlock(filters)) return all();
    if (filters.type ?? filters.outcome ?? filters.door) {
      const kinds = (await kindsOf(slice)).filter((kind) => matches(kind, filters));
      if (kinds.length === 0) return [];
      if (await isFewOfKinds(kinds, filters)) return byKind(slice, request, count);
    }
    const near = await amongNearest(request, count, WALK);
    return near.length >= count ? near : all();
  }

  /**
   * Reads each kind from its own place in an index. Compares whole rows: with a comparison by columns the planner might walk all
   * events in order of time, which is slow for a rare kind.
   */
  async function byKind(slice: Slice, request: Request, count: number): Promise<Rows> {
    const kinds = (await kindsOf(slice)).filter((kind) => matches(kind, request.filters));
    if (kinds.length === 0) return [];
    const rest = { ...request.filters, type: undefined, outcome: undefined, door: undefined };
    // The filter with more distinct values matches fewer rows.
    const who = rest.actor ?? rest.clientId;
    if (!who && kinds.length > MANY_KINDS) {
      const rows = await amongNearest(request, count, NEWEST);
      if (rows.length >= count) return rows;
    }
    const column = rest.actor ? 'actor_id' : 'client_id';
    const filters = rest.actor ? { ...rest, actor: undefined } : { ...rest, clientId: undefined };
    const { descending, after: position } = request;
    const values: unknown[] = [];
    const parameter = (value: unknown) => `$${values.push(value)}`;
    const kindColumns = KIND_COLUMNS.map(
      (name) => `${parameter(kinds.map((kind) => kind[name]))}::text[]`,
    ).join(', ');
    const whos = who ? `cross join unnest(${parameter(who)}::text[]) as whos (who)` : '';
    const { select, where, order } = partsOf(list, { ...request, filters }, parameter);
    const key = [...KIND_COLUMNS, 'at'];
    const place = KIND_COLUMNS.map((name) => `kind_${name}`).join(', ');
    const from = (descending ? null : position?.[0]) ?? filters.after ?? '-infinity';
    const until = (descending ? position?.[0] : null) ?? filters.before ?? 'infinity';
    const direction = descending ? 'desc' : 'asc';
    const limit = parameter(count);
    const { rows } = await bounded.query<object & Positioned>(
      `${select} from unnest(${kindColumns}) as kinds (kind_type, kind_outcome, kind_door) ${whos}
       cross join lateral (select * from audit_events ${where} ${where === '' ? 'where' : 'and'} ${who ? `${column} = who and` : ''}
           (${key.join(', ')}) >= (${place}, ${parameter(from)}::timestamptz)
           and (${key.join(', ')}) <= (${place}, ${parameter(until)}::timestamptz)
         order by ${[...key, 'id'].map((name) => `${name} ${direction}`).join(', ')} limit ${limit}) as found
       ${order} limit ${limit}`,
      values,
    );
    return rows;
  }

  return async function page({
    limit,
    ...request
  }: PageRequest<AuditSort, AuditFilters>): Promise<Page<object>> {
    const { filters, descending, after } = request;
    const { type, outcome, door, actor, clientId, subject, requestId, ip } = filters;
    const isByKind = Boolean(type ?? outcome ?? door ?? actor ?? clientId) && !(subject ?? requestId ?? ip);
    const isByBlock = ip?.some(isBlock) === true && !(subject ?? requestId);
    const read = async (slice: Slice, part: Request, count: number): Promise<Rows> => {
      if (isByKind) return byKind(slice, part, count);
      if (isByBlock) return byBlock(slice, part, count);
      return rowsOf<AuditSort, AuditFilters, object>(pool, list, part, count);
    };
    // A position belongs to the slice that contains its millisecond.
    const start = after && new Date(after[0]!);
    const ordered = await slices();
    const rows: Rows = [];
    for (const slice of descending ? ordered.toReversed() : ordered) {
      const isPassed =
        start && (descending ? slice.lower && slice.lower > start : slice.upper && slice.upper <= start);
      const time = isPassed ? null : within(slice, filters);
      if (!time) continue;
      const part = { ...request, filters: { ...filters, ...time } };
      const count = limit + 1 - rows.length;
      rows.push(...(await read(slice, part, count)));
      if (rows.length > limit) break;
    }
    return pageFrom(rows, limit);
  };
}
