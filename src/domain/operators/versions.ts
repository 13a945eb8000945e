import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../../core/errors.ts';

/** The versions of a resource that its caller goes by (RFC 9110 section 13.1.1); `*` for any. */
export type Expected = readonly number[] | '*';

/** To be asked under the row's lock. @throws DomainError precondition_failed. */
export function checkVersion({ version }: { version: number }, expected: Expected | undefined): void {
  if (expected !== undefined && expected !== '*' && !expected.includes(version))
    throw new DomainError('precondition_failed');
}

/** The fields that `changes` really change, before and after, for the audit; null when there is none. */
export function changesOf<T extends object>(
  before: T,
  changes: Partial<T>,
): { before: Partial<T>; after: Partial<T> } | null {
  const fields = (Object.keys(changes) as (keyof T)[]).filter(
    (field) => changes[field] !== undefined && !isDeepStrictEqual(before[field], changes[field]),
  );
  if (fields.length === 0) return null;
  const only = (of: Partial<T>) =>
    Object.fromEntries(fields.map((field) => [field, of[field]])) as Partial<T>;
  return { before: only(before), after: only(changes) };
}
