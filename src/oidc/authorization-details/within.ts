import { isDeepStrictEqual } from 'node:util';

/** One of the details of an authorization request (RFC 9396 section 2). */
export type AuthorizationDetail = { type: string } & Record<string, unknown>;

/** Those of RFC 9396 section 2.2 that list what may be done: fewer of them are less. */
const LISTS = new Set(['locations', 'actions', 'datatypes', 'privileges']);

function isPart(name: string, part: unknown, whole: unknown): boolean {
  if (!LISTS.has(name) || !Array.isArray(part) || !Array.isArray(whole))
    return isDeepStrictEqual(part, whole);
  return part.length > 0 && part.every((one) => whole.includes(one));
}

/** Whether `part` asks for no more than `whole`: the same, but for lists that are shorter. */
export function isWithin(part: AuthorizationDetail, whole: AuthorizationDetail): boolean {
  const names = new Set([...Object.keys(part), ...Object.keys(whole)]);
  return [...names].every((name) => isPart(name, part[name], whole[name]));
}
