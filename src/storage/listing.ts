/**
 * Keyset pagination. The cost of a page does not depend on its position, and concurrent changes neither repeat nor skip rows.
 *
 * raw-sql: a measured hot path, and a comparison of rows, which models cannot express.
 */
import type { Executor } from './postgres/executor.ts';

/** Adds a parameter to the statement. @returns its placeholder. */
export type Parameter = (value: unknown) => string;

/** A text as a part of a pattern of `like`. */
export const literal = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

/** Shorter parts have no trigram: an index finds them only at the beginning of a text. */
export const MIN_PART_LENGTH = 3;

/** Definition of a list. Its SQL is constant: callers' values are parameters. */
export interface Listing<Sort extends string, Filters> {
  from: string;
  /** The select list. */
  columns: string;
  /** Sort keys with their types. Never null; an index covers each together with the id. */
  sorts: Record<Sort, { by: string; type: string }>;
  /** The tie breaker. */
  id: { by: string; type: string };
  /** The condition of each filter. */
  filters: { [K in keyof Filters]-?: (value: NonNullable<Filters[K]>, parameter: Parameter) => string };
}

export interface PageRequest<Sort extends string, Filters> {
  filters: Filters;
  sort: Sort;
  descending: boolean;
  limit: number;
  /** Position of the previous page's last row. */
  after: readonly string[] | null;
}

export interface Page<T> {
  items: T[];
  /** Position of the last item when more follow. */
  next: string[] | null;
}

/** Each row carries its position as text: timestamps are finer than a Date. */
export interface Positioned {
  position: [string, string];
}

function conditionsOf<Sort extends string, Filters>(
  listing: Listing<Sort, Filters>,
  filters: Filters,
  parameter: Parameter,
): string[] {
  const conditions = listing.filters as Record<string, (value: unknown, parameter: Parameter) => string>;
  return Object.entries(filters as Record<string, unknown>).flatMap(([name, value]) => {
    const write = conditions[name];
    return write === undefined || value === undefined ? [] : [write(value, parameter)];
  });
}

const where = (conditions: string[]) => (conditions.length > 0 ? `where ${conditions.join(' and ')}` : '');

/** The parts of a statement that reads some rows of a list in order. */
export function partsOf<Sort extends string, Filters>(
  listing: Listing<Sort, Filters>,
  { filters, sort, descending, after }: Omit<PageRequest<Sort, Filters>, 'limit'>,
  parameter: Parameter,
) {
  const { by, type } = listing.sorts[sort];
  const { id } = listing;
  const conditions = conditionsOf(listing, filters, parameter);
  if (after) {
    const position = `(${parameter(after[0])}::${type}, ${parameter(after[1])}::${id.type})`;
    conditions.push(`(${by}, ${id.by}) ${descending ? '<' : '>'} ${position}`);
  }
  const direction = descending ? 'desc' : 'asc';
  return {
    select: `select ${listing.columns}, array[(${by})::text, (${id.by})::text] as position`,
    where: where(conditions),
    order: `order by ${by} ${direction}, ${id.by} ${direction}`,
  };
}

/**
 * Runs a statement, collecting its parameters.
 * @throws the database's error for a position of another sort.
 */
async function read<Row extends object>(
  pool: Executor,
  statement: (parameter: Parameter) => string,
): Promise<(Row & Positioned)[]> {
  const values: unknown[] = [];
  // Don't prepare it: the best plan depends on the search text.
  const { rows } = await pool.query<Row & Positioned>(
    statement((value) => `$${values.push(value)}`),
    values,
  );
  return rows;
}

/** Reads up to `count` rows of a list, each with its position. */
export const rowsOf = <Sort extends string, Filters, Row extends object>(
  pool: Executor,
  listing: Listing<Sort, Filters>,
  request: Omit<PageRequest<Sort, Filters>, 'limit'>,
  count: number,
): Promise<(Row & Positioned)[]> =>
  read(pool, (parameter) => {
    const { select, where, order } = partsOf(listing, request, parameter);
    return `${select} from ${listing.from} ${where} ${order} limit ${parameter(count)}`;
  });

/** A list over rows of a subselect, whose `sort_key` is what they are sorted by. */
const bySortKey = <Sort extends string, Filters>(
  listing: Listing<Sort, Filters>,
  sort: Sort,
): Listing<Sort, Filters> => ({
  ...listing,
  sorts: { ...listing.sorts, [sort]: { ...listing.sorts[sort], by: 'sort_key' } },
});

/**
 * Reads up to `count` matching rows among the first `scanned` of the list, by the index of its order. This bounds the cost,
 * whatever the planner estimates.
 * @param walked filters that this index covers.
 */
export const rowsAmongFirst = <Sort extends string, Filters, Row extends object>(
  pool: Executor,
  listing: Listing<Sort, Filters>,
  request: Omit<PageRequest<Sort, Filters>, 'limit'>,
  { walked, scanned, count }: { walked: Filters; scanned: number; count: number },
): Promise<(Row & Positioned)[]> =>
  read(pool, (parameter) => {
    const { from, sorts } = listing;
    const first = partsOf(listing, { ...request, filters: walked }, parameter);
    const found = partsOf(bySortKey(listing, request.sort), { ...request, after: null }, parameter);
    return `${found.select} from (select *, ${sorts[request.sort].by} as sort_key from ${from}
       ${first.where} ${first.order} limit ${scanned}) as ${from}
     ${found.where} ${found.order} limit ${parameter(count)}`;
  });

/** How far to walk a list: its first rows; if few of them match, as many as the page needs at that rate. */
export interface Walk {
  near: number;
  furthest: number;
}

/**
 * Reads up to `count` matching rows among the first of a list; see `rowsAmongFirst`. If there are fewer, read the page in
 * another way.
 * @param bounded runs the longer walk.
 */
export async function rowsAmongNearest<Sort extends string, Filters, Row extends object>(
  pool: Executor,
  bounded: Executor,
  listing: Listing<Sort, Filters>,
  request: Omit<PageRequest<Sort, Filters>, 'limit'>,
  { walked, count, near, furthest }: Walk & { walked: Filters; count: number },
): Promise<(Row & Positioned)[]> {
  const among = (executor: Executor, scanned: number) =>
    rowsAmongFirst<Sort, Filters, Row>(executor, listing, request, { walked, scanned, count });
  const rows = await among(pool, near);
  if (rows.length === 0 || rows.length >= count) return rows;
  // Half as many again: matches are not spread evenly.
  const scanned = Math.ceil((near * count * 1.5) / rows.length);
  return scanned > furthest ? rows : among(bounded, scanned);
}

/** Maximum of rows to find and sort. */
const MAX_FOUND = 5_000;

/**
 * Reads up to `count` rows of a list by finding all matches and sorting them. For few matches, for which the planner might walk
 * the index of the order.
 * @returns null when more than `MAX_FOUND` match.
 */
export async function rowsOfFew<Sort extends string, Filters, Row extends object>(
  pool: Executor,
  listing: Listing<Sort, Filters>,
  request: Omit<PageRequest<Sort, Filters>, 'limit'>,
  count: number,
): Promise<(Row & Positioned)[] | null> {
  const rows = await read<Row & { matches: number }>(pool, (parameter) => {
    const { from, sorts } = listing;
    const found = partsOf(listing, request, parameter);
    const all = partsOf(
      bySortKey(listing, request.sort),
      { ...request, filters: {} as Filters, after: null },
      parameter,
    );
    return `with matching as materialized (select *, ${sorts[request.sort].by} as sort_key from ${from} ${found.where} limit ${MAX_FOUND + 1})
     ${all.select}, (select count(*) from matching) as matches from matching as ${from} ${all.order} limit ${parameter(count)}`;
  });
  if ((rows[0]?.matches ?? 0) > MAX_FOUND) return null;
  return rows.map(({ matches: _matches, ...row }) => row as unknown as Row & Positioned);
}

/** @throws the database's error for a position of another sort. */
export async function pageOf<Sort extends string, Filters, Row extends object>(
  pool: Executor,
  listing: Listing<Sort, Filters>,
  { limit, ...request }: PageRequest<Sort, Filters>,
): Promise<Page<Row>> {
  return pageFrom(await rowsOf<Sort, Filters, Row>(pool, listing, request, limit + 1), limit);
}

/** @param rows those of the page, and one more if there is one. */
export function pageFrom<Row extends object>(rows: readonly (Row & Positioned)[], limit: number): Page<Row> {
  const next = rows.length > limit ? rows[limit - 1]!.position : null;
  const items = rows.slice(0, limit).map(({ position: _position, ...row }) => row as unknown as Row);
  return { items, next };
}

const counting =
  (matchesOf: (from: string, where: string) => string) =>
  async <Sort extends string, Filters>(
    pool: Executor,
    listing: Listing<Sort, Filters>,
    filters: Filters,
    cap: number,
  ): Promise<number> => {
    const [counted] = await read<{ count: number }>(pool, (parameter) => {
      const matches = matchesOf(listing.from, where(conditionsOf(listing, filters, parameter)));
      return `select count(*)::int as count from (${matches} limit ${parameter(cap)}) found`;
    });
    return counted!.count;
  };

/** Counts the matching rows, up to `cap`. */
export const countOf = counting((from, where) => `select from ${from} ${where}`);

/** Counts them by finding all matches. For few matches, for which the planner might scan the table. */
export const countOfFew = counting(
  (from, where) => `with found as materialized (select from ${from} ${where}) select from found`,
);

/** Number of rows in a sample of a table. */
const SAMPLE = 5_000;

/** Counts matches in a sample of the table. */
export const countOfSample = counting(
  (from, where) => `select from (select * from ${from} limit ${SAMPLE}) as ${from} ${where}`,
);
