import type { DirectoryRequest } from '../../storage/directory-conditions.ts';
import { ScimError } from './errors.ts';
import { parseFilter, resolve, targetOf } from './expressions.ts';
import type { ResourceType } from './schema.ts';

/** The query of a list (RFC 7644 section 3.4.2), unparsed. */
export interface ListQuery {
  filter?: string | undefined;
  sortBy?: string | undefined;
  sortOrder?: string | undefined;
  /** From 1. */
  startIndex: number;
  count: number;
}

export const MAX_RESULTS = 500;
const LAST = 1_000_000_000;

/** Parses an integer, also from text; returns the default when absent. @throws ScimError invalidValue. */
function wholeNumber(name: string, value: unknown, otherwise: number): number {
  if (value === undefined || value === null || value === '') return otherwise;
  const number = typeof value === 'string' && /^[+-]?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number))
    throw new ScimError('invalidValue', `${name} must be an integer`);
  return number;
}

const text = (name: string, value: unknown): string | undefined => {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string')
    throw new ScimError('invalidValue', `${name} must be given once, as a string`);
  return value;
};

/** @throws ScimError invalidValue. */
export function readList(input: Record<string, unknown>): ListQuery {
  const startIndex = wholeNumber('startIndex', input['startIndex'], 1);
  const count = wholeNumber('count', input['count'], MAX_RESULTS);
  return {
    filter: text('filter', input['filter']),
    sortBy: text('sortBy', input['sortBy']),
    sortOrder: text('sortOrder', input['sortOrder']),
    // Less than 1 is 1, and less than 0 is 0 (RFC 7644 section 3.4.2.4).
    startIndex: Math.min(Math.max(1, startIndex), LAST),
    count: Math.min(Math.max(0, count), MAX_RESULTS),
  };
}

/** @throws ScimError invalidFilter, invalidPath, invalidValue. */
export function readRequest(
  type: ResourceType,
  { filter, sortBy, sortOrder = 'ascending', startIndex, count }: ListQuery,
): DirectoryRequest {
  const order = sortOrder.toLowerCase();
  if (order !== 'ascending' && order !== 'descending')
    throw new ScimError('invalidValue', 'sortOrder must be ascending or descending');
  const named = sortBy === undefined ? null : resolve(type, sortBy);
  const target = named && targetOf(named);
  if (sortBy !== undefined && !target)
    throw new ScimError('invalidPath', `There is no attribute ${sortBy.slice(0, 100)}`);
  return {
    condition: filter === undefined ? null : parseFilter(filter, type),
    sort: target && { target, descending: order === 'descending' },
    offset: startIndex - 1,
    limit: count,
  };
}
