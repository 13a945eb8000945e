import type { Expected } from '../../domain/operators/operator.ts';

/** The entity tag of a version (RFC 9110 section 8.8.3): a strong one. */
export const etagOf = (version: number): string => `"${version}"`;

const TAG = /\s*(W\/)?"([^"]*)"\s*(?:,|$)/gy;

/**
 * The versions that a value of If-Match names (RFC 9110 section 13.1.1); undefined for an empty one. Tags of other kinds, weak ones
 * too, match nothing.
 */
export function versionsOf(value: string): Expected | undefined {
  const field = value.trim();
  if (field === '') return undefined;
  if (field === '*') return '*';
  const tags = [...field.matchAll(TAG)];
  return tags
    .filter(([, weak]) => weak === undefined)
    .map(([, , tag = '']) => (tag === '' ? NaN : Number(tag)));
}
