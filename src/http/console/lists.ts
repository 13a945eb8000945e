/** Lists keep filters, sorting and position in the URL, so that Back, reload and sharing work. */
import type { Message, MessageKey } from '../pages/i18n.ts';

/** One filter of a list: a GET parameter with a control of its own. */
export interface FilterSpec {
  name: string;
  label: MessageKey;
  /** Default: text. */
  type?: 'text' | 'search' | 'select' | 'date';
  /** Consecutive filters with the same group appear under its name. */
  options?: readonly { value: string; label: Message | { text: string }; group?: MessageKey }[];
  hint?: MessageKey;
}

/** Rows of a page. */
export const ROWS = [25, 50, 100];

type Query = Readonly<Record<string, string | string[] | undefined>>;

const CURSOR = 'cursor';
/** Cursors of the previous pages, latest last: a list can only be read forward. */
const BEFORE = 'before';
const LIMIT = 'limit';
/** Maximum pages that "Previous" goes back; after that it goes to the first one. */
const MAX_PREVIOUS = 10;
/** Maximum characters of a filter. */
const MAX_FILTER_LENGTH = 320;

const all = (value: string | string[] | undefined): string[] =>
  [value ?? []].flat().filter((one) => one !== '');

export interface Chip {
  label: MessageKey;
  /** Its current value: the label of an option, or the text. */
  value: Message | { text: string };
  /** Link to the same list without this filter. */
  href: string;
}

/** What the partials `console/filters` and `console/pager` show. */
export interface ListView {
  path: string;
  filters: (FilterSpec & { value: string })[];
  chips: Chip[];
  /** Link to the same list without filters. */
  clearHref: string;
  sort: string | null;
  /** The same list from its beginning, with another sorting. */
  sortHref(sort: string): string;
  nextHref: string | null;
  previousHref: string | null;
  limit: number;
  limits: { limit: number; href: string }[];
  shown: number;
  /** Undefined if not counted. */
  count: number | undefined;
  isCapped: boolean;
}

export interface Listing {
  limit: number;
  cursor: string | undefined;
  sort: string | undefined;
  /** The first value of a filter; undefined without one. */
  value(name: string): string | undefined;
  /** All values of a filter; undefined without any. */
  values(name: string): string[] | undefined;
  /** Whether any filter is set. */
  isFiltered: boolean;
  /** @param count.total the number of all rows, counted up to `limit`. */
  view(
    page: { items: readonly unknown[]; nextCursor: string | null },
    count?: { total: number; limit: number },
  ): ListView;
}

/** Reads the place in a list. @param rows the operator's rows per page. */
export function readListing(
  { path, query }: { path: string; query: Query },
  filters: readonly FilterSpec[],
  rows: number,
): Listing {
  const values = new Map(
    filters.map(({ name }) => [
      name,
      all(query[name])
        .map((value) => value.trim().slice(0, MAX_FILTER_LENGTH))
        .filter(Boolean),
    ]),
  );
  const [cursor] = all(query[CURSOR]);
  const before = all(query[BEFORE]);
  const [sort] = all(query['sort']);
  const asked = Number(all(query[LIMIT])[0]);
  const limit = ROWS.includes(asked) ? asked : rows;

  const href = (change: (parameters: URLSearchParams) => void): string => {
    const parameters = new URLSearchParams(
      [...values].flatMap(([name, chosen]) => chosen.map((value): [string, string] => [name, value])),
    );
    if (sort !== undefined) parameters.set('sort', sort);
    change(parameters);
    const text = parameters.toString();
    return text === '' ? path : `${path}?${text}`;
  };
  /** Link to the page whose cursor ends `trail`; an empty trail is the first page. */
  const pageHref = (trail: readonly string[]): string =>
    href((parameters) => {
      const at = trail.at(-1);
      for (const one of trail.slice(0, -1).slice(-MAX_PREVIOUS)) parameters.append(BEFORE, one);
      if (at !== undefined) parameters.set(CURSOR, at);
    });
  const trail = cursor === undefined ? [] : [...before, cursor];

  return {
    limit,
    cursor,
    sort,
    isFiltered: [...values.values()].some((chosen) => chosen.length > 0),
    value: (name) => values.get(name)?.[0],
    values(name) {
      const chosen = values.get(name) ?? [];
      return chosen.length > 0 ? chosen : undefined;
    },
    view: ({ items, nextCursor }, count) => ({
      path,
      filters: filters.map((filter) => ({ ...filter, value: values.get(filter.name)?.[0] ?? '' })),
      chips: filters.flatMap(({ name, label, options = [] }) =>
        (values.get(name) ?? []).map((value) => ({
          label,
          value: options.find((option) => option.value === value)?.label ?? { text: value },
          href: href((parameters) => parameters.delete(name, value)),
        })),
      ),
      clearHref: path,
      sort: sort ?? null,
      sortHref: (other) => href((parameters) => parameters.set('sort', other)),
      nextHref: nextCursor === null ? null : pageHref([...trail, nextCursor]),
      previousHref: cursor === undefined ? null : pageHref(trail.slice(0, -1)),
      limit,
      limits: ROWS.map((rows) => ({
        limit: rows,
        href: href((parameters) => parameters.set(LIMIT, String(rows))),
      })),
      shown: items.length,
      count: count && Math.min(count.total, count.limit),
      isCapped: count !== undefined && count.total >= count.limit,
    }),
  };
}
