import type { Cursors } from '../../core/cursors.ts';
import type { Page, PageRequest } from '../../storage/listing.ts';

/** The requested page of a list. */
export interface ListOptions<Sort extends string, Filters> {
  filters?: Filters;
  /** Descending with a minus before it. */
  sort?: Sort | `-${Sort}`;
  /** 50 by default. */
  limit?: number;
  /** `nextCursor` of the previous page, which had the same filters and sort. */
  cursor?: string | undefined;
}

export interface Listed<T> {
  items: T[];
  /** Null on the last page. */
  nextCursor: string | null;
}

const DEFAULT_LIMIT = 50;

/** Reads pages: a cursor is valid only for its list, filters and sort. */
export type ReadList = <Sort extends string, Filters extends object, T>(
  list: string,
  options: ListOptions<Sort, Filters>,
  sort: Sort | `-${Sort}`,
  load: (request: PageRequest<Sort, Filters>) => Promise<Page<T>>,
) => Promise<Listed<T>>;

/** @throws DomainError invalid_cursor (the function that it returns). */
export function createReadList(cursors: Cursors): ReadList {
  return async (list, { filters, sort: asked, limit = DEFAULT_LIMIT, cursor }, byDefault, load) => {
    const sort = asked ?? byDefault;
    const defined = Object.entries(filters ?? {}).filter(([, value]) => value !== undefined);
    const query = JSON.stringify([list, sort, defined.sort(([a], [b]) => (a < b ? -1 : 1))]);
    const descending = sort.startsWith('-');
    const { items, next } = await load({
      filters: Object.fromEntries(defined) as never,
      sort: (descending ? sort.slice(1) : sort) as never,
      descending,
      limit,
      after: cursor === undefined ? null : cursors.open(query, cursor),
    });
    return { items, nextCursor: next && cursors.seal(query, next) };
  };
}
