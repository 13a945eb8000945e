import type { Context } from 'koa';
import type { Expected } from '../../domain/operators/versions.ts';

/** The entity tag of a version (RFC 9110 section 8.8.3): a strong one. */
export const etagOf = (version: number): string => `"${version}"`;

const TAG = /\s*(W\/)?"([^"]*)"\s*(?:,|$)/gy;

/**
 * The versions that If-Match names (RFC 9110 section 13.1.1); undefined without the field. Tags of other kinds, weak ones
 * too, match nothing.
 */
export function ifMatch(ctx: Context): Expected | undefined {
  const field = ctx.get('If-Match').trim();
  if (field === '') return undefined;
  if (field === '*') return '*';
  const tags = [...field.matchAll(TAG)];
  return tags
    .filter(([, weak]) => weak === undefined)
    .map(([, , tag = '']) => (tag === '' ? NaN : Number(tag)));
}
