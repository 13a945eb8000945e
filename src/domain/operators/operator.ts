import { isDeepStrictEqual } from 'node:util';
import type { Actor } from '../../core/actor.ts';
import { DomainError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { ALL_PERMISSIONS, type Permission, withIncluded } from './permissions.ts';

/** Who manages: a person or a service account with its roles, or the shell of the host. */
export interface Operator {
  actor: Actor;
  /** The person's account; null for a service account and the shell. */
  accountId: string | null;
  /** Effective permissions of this request, with implied ones: the token's scope limited by the current roles. */
  permissions: ReadonlySet<Permission>;
}

/** A shell on the host has access to the database. */
export const shellOperator = (actor: Actor): Operator => ({
  actor,
  accountId: null,
  permissions: withIncluded(ALL_PERMISSIONS),
});

/** @throws DomainError insufficient_scope, which names the permission. */
export function requirePermission({ permissions }: Operator, permission: Permission): void {
  if (!permissions.has(permission)) throw new DomainError('insufficient_scope', { reason: permission });
}

/** The versions of a resource that the caller expects (RFC 9110 section 13.1.1); `*` for any. */
export type Expected = readonly number[] | '*';

/** Call it under the row's lock. @throws DomainError precondition_failed. */
export function checkVersion({ version }: { version: number }, expected: Expected | undefined): void {
  if (expected !== undefined && expected !== '*' && !expected.includes(version))
    throw new DomainError('precondition_failed');
}

/** The fields that `changes` actually change, before and after, for the audit; null for none. */
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

/** The difference between two states of a thing, for the audit: null for what one lacks. */
export function differencesOf(
  before: object,
  after: object,
): ReturnType<typeof changesOf<Record<string, unknown>>> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const complete = (of: Record<string, unknown>) =>
    Object.fromEntries(names.map((name) => [name, of[name] ?? null]));
  return changesOf(complete({ ...before }), complete({ ...after }));
}

const MAX_DESCRIPTION_LENGTH = 500;

/** @throws DomainError invalid_request that names the field. */
export function refuse(field: string, reason?: string): never {
  throw new DomainError('invalid_request', { field, ...(reason === undefined ? {} : { reason }) });
}

/** @throws DomainError invalid_request. */
export function checkDescription(description: string | undefined): void {
  if (description !== undefined && description.length > MAX_DESCRIPTION_LENGTH)
    refuse('description', 'too_long');
}

/** The message for an unknown name. @param known valid names. */
export function misnamed(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  return `names a ${what} that does not exist: ${name.slice(0, 128)}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}
