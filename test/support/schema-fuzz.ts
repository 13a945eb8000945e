/** Generates values from JSON Schema: valid, invalid and unexpected ones. A validator tells which are valid. */
import fc from 'fast-check';
import type { Schema } from './openapi.ts';

/** Mutates a valid value. */
type Change = (good: unknown) => unknown;

/** Deterministic, so that failures can be reproduced. */
const SEED = 20_261_127;

const ODD_TEXTS = [
  '',
  ' ',
  'a\0b',
  'a\ud800b',
  'a\r\nSet-Cookie: x=y',
  '\u202eabc',
  'e\u0301\u0323 \ufdfa',
  '👩‍👩‍👧‍👦',
  '__proto__',
  `' or 1=1; --`,
  'x'.repeat(5_000),
  ...fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { seed: SEED, numRuns: 3 }),
];

const OF_EVERY_TYPE: unknown[] = [null, 42, true, {}, [], ['x'], 'x'];

const always = (values: unknown[]): Change[] => values.map((value) => () => value);

let heard = 0x4e00;
/** A new combination of letters each time: names must be unique. */
const unheardOf = (length: number): string =>
  Array.from({ length: Math.max(0, length) }, () => String.fromCodePoint((heard += 1))).join('');

/** Text of the given length that keeps the start and the end of a shorter one. */
function grown(text: string, length: number): string {
  const characters = Array.from(text);
  if (length <= characters.length) return unheardOf(length);
  const padding = 'q7'.repeat(length).slice(0, length - characters.length);
  return text.includes('@') ? text.slice(0, 1) + padding + text.slice(1) : text + padding;
}

function textChanges({ minLength, maxLength, examples = [], enum: words = [] }: Schema): Change[] {
  const [example = 'x'] = [...examples, ...words];
  const lengths = [minLength, maxLength].flatMap((bound) =>
    bound === undefined ? [] : [bound - 1, bound, bound + 1],
  );
  return [
    ...always([...examples, ...words, ...ODD_TEXTS]),
    ...lengths.map(
      (length): Change =>
        (good) =>
          grown(String(good ?? example), length),
    ),
  ];
}

function objectChanges({ properties = {} }: Schema): Change[] {
  const inside = Object.entries(properties).flatMap(([name, property]): Change[] => [
    (good) => Object.fromEntries(Object.entries(good ?? {}).filter(([other]) => other !== name)),
    ...changesOf(property).map((change): Change => (good) => ({
      ...(good as object),
      [name]: change((good as Record<string, unknown> | undefined)?.[name]),
    })),
  ]);
  const extra = [{ unknown: 1 }, { ['__proto__']: { admin: true } }, { roles: ['admin'] }];
  return [...inside, ...extra.map((more): Change => (good) => ({ ...(good as object), ...more }))];
}

/** Candidates to replace a valid value. */
export function changesOf(schema: Schema): Change[] {
  const { anyOf = [], ...own } = schema;
  const { type, items, maxItems = 10, ...rest } = anyOf.find((one) => one.type !== 'null') ?? own;
  const types = always(OF_EVERY_TYPE);
  if (type === 'string') return [...types, ...textChanges(rest)];
  if (type === 'object') return [...types, ...objectChanges(rest)];
  if (type !== 'array' || !items) return types;
  const one = changesOf(items);
  const [word] = items.enum ?? ['x'];
  return [
    ...types,
    ...one.map((change): Change => () => [change(undefined)]),
    ...[maxItems, maxItems + 1].map(
      (length): Change =>
        () =>
          Array(length).fill(word),
    ),
  ];
}

/** Percent-encoded candidates for a path or a query. */
export const ODD_SEGMENTS = [
  '0',
  '-1',
  '1.5',
  '1e1',
  '0x10',
  '%205',
  '100',
  '101',
  '99999999999999999999',
  'x'.repeat(2_000),
  '00000000-0000-0000-0000-000000000000',
  '%00',
  '%ff',
  '%ED%A0%80',
  '%F0%9F%91%A9',
  '..%2f..%2fadmin',
  '%27%20or%201%3D1',
];

/** Headers of otherwise valid requests. */
export const ODD_HEADERS: Record<string, string>[] = [
  { 'Content-Type': 'application/json; charset=utf-16' },
  { 'Content-Type': 'text/plain' },
  { 'Content-Encoding': 'gzip' },
  { Authorization: 'Bearer' },
  { Authorization: 'Basic eDp5' },
  { Authorization: `Bearer ${'x'.repeat(8_000)}` },
  { 'X-API-Key': 'ptn_\u00e9' },
  { DPoP: 'x' },
  { Cookie: 'refresh_token=; refresh_token=%; =;' },
  { Accept: 'text/html;q=x' },
  { 'Accept-Language': 'tlh, *;q=-1, de;q=0.5' },
  { 'X-Request-Id': '../../x' },
  { 'X-Forwarded-For': 'unknown, 1.2.3.4.5' },
  { 'X-HTTP-Method-Override': 'DELETE' },
  { Range: 'bytes=0-0' },
];
