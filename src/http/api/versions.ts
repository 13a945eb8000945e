import type { Expected } from '../../domain/operators/operator.ts';

/** The strong entity tag of a version (RFC 9110 section 8.8.3). */
export const etagOf = (version: number): string => `"${version}"`;

const TAG = /\s*(W\/)?"([^"]*)"\s*(?:,|$)/gy;

/**
 * The versions in the value of If-Match (RFC 9110 section 13.1.1); undefined for an empty value. Other tags, including weak
 * ones, match nothing.
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
