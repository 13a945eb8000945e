import { isDeepStrictEqual } from 'node:util';

/** A reply, prepared for comparison. */
export interface Observed {
  status: number;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string[]>;
  /** Parsed JSON; undefined when absent or malformed. */
  json: unknown;
  /** Whether the body is not empty. */
  isEmpty: boolean;
}

/** One difference of Postern's reply, without personal data. */
export interface Difference {
  kind: 'status' | 'header' | 'field' | 'type' | 'value';
  /** The place: a field's dotted path, or a header's name. */
  at: string;
  old: string;
  postern: string;
}

/** Names of fields whose text is a credential, whatever it looks like. */
const TOKEN = /token|jwt|session|secret|api_?key/i;

/** Names of fields that differ from one reply to the next. */
const FLEETING = /request|trace|correlation|timestamp|uptime|(^|_)jti$|nonce/i;

const FORMATS: [RegExp, string | ((text: string) => string)][] = [
  [/^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/, 'a JWT'],
  [/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i, 'a UUID'],
  [/^\d{4}-\d\d-\d\d$/, 'a date'],
  [
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?$/i,
    (text) => `a time like ${text.replaceAll(/\d/g, '0')}`,
  ],
  [/^[^\s@]+@[^\s@]+$/, 'an address'],
  [/^https?:\/\//i, 'a URL'],
  [/^-?\d+$/, 'digits'],
];

/** The form of a value, without its content. */
export function shapeOf(value: unknown, name = ''): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number')
    return timeShape(value, name) ?? (Number.isInteger(value) ? 'an integer' : 'a number');
  if (typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return `a ${typeof value}`;
  if (TOKEN.test(name)) return 'a credential';
  const [, format = 'text'] = FORMATS.find(([form]) => form.test(value)) ?? [];
  return typeof format === 'string' ? format : format(value);
}

/** Names of fields whose number may be a moment. */
const MOMENT = /exp|iat|nbf|time|date|until|since|_at$|At$/;

/** How a number counts the time since the epoch, between 2001 and 2100; undefined for any other number. */
function timeShape(value: number, name: string): string | undefined {
  const isBetween = (unit: number) => value >= 1e9 * unit && value < 4.1e9 * unit;
  if (!MOMENT.test(name)) return undefined;
  return isBetween(1) ? 'a time in seconds' : isBetween(1000) ? 'a time in milliseconds' : undefined;
}

/** Replaces every value of a body by its form, and names that could be data. */
export function redacted(value: unknown, name = '', depth = 0): unknown {
  if (depth > 8) return '…';
  if (Array.isArray(value)) {
    const shown = value.slice(0, 2).map((item) => redacted(item, name, depth + 1));
    return value.length > 2 ? [...shown, `… ${value.length} in all`] : shown;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    const shown = entries.slice(0, 40).map(([key, item]) => [nameOf(key), redacted(item, key, depth + 1)]);
    return Object.fromEntries(entries.length > 40 ? [...shown, ['…', `${entries.length} in all`]] : shown);
  }
  return typeof value === 'boolean' || value === null ? value : `<${shapeOf(value, name)}>`;
}

/** A field's name, unless it could be personal data. */
const nameOf = (key: string): string => (/^[\w$-]{1,40}$/.test(key) && !/\d{4,}/.test(key) ? key : '<name>');

/** Header fields that clients depend on. Of the rest only the service's own (`X-…`) are compared. */
const COMPARED: Record<string, (values: string[]) => string> = {
  'content-type': ([value = '']) => value.toLowerCase().replaceAll(' ', ''),
  'www-authenticate': (values) => values.map((value) => value.split(' ', 1)[0]).join(', '),
  'allow': ([value = '']) =>
    value
      .split(',')
      .map((method) => method.trim())
      .sort()
      .join(', '),
  'location': ([value = '']) => shapeOf(value),
  'retry-after': () => 'there',
  'set-cookie': (values) => values.map(cookieShape).sort().join('; '),
};
const INFRASTRUCTURE =
  /^x-(request-id|powered-by|runtime|content-type-options|frame-options|xss-protection|forwarded|real-ip|correlation|trace|amz|cache|served-by|envoy|ratelimit|dns-prefetch|download|permitted)/;

/** A cookie's name and attributes without its value and times. */
function cookieShape(cookie: string): string {
  const [pair = '', ...attributes] = cookie.split(';').map((part) => part.trim());
  const [name = ''] = pair.split('=', 1);
  const kept = attributes
    .map((attribute) => attribute.toLowerCase())
    .filter((attribute) => !/^(expires|max-age)=/.test(attribute));
  return [nameOf(name), ...kept.sort()].join(' ');
}

function headerDifferences(old: Observed, postern: Observed): Difference[] {
  const names = new Set([...old.headers.keys(), ...postern.headers.keys()]);
  return [...names].flatMap((name): Difference[] => {
    const words =
      COMPARED[name] ?? (name.startsWith('x-') && !INFRASTRUCTURE.test(name) ? () => 'there' : undefined);
    if (!words) return [];
    const shown = ({ headers }: Observed) => {
      const values = headers.get(name);
      return values ? words(values) : 'missing';
    };
    const [theirs, ours] = [shown(old), shown(postern)];
    return theirs === ours ? [] : [{ kind: 'header', at: name, old: theirs, postern: ours }];
  });
}

/** Maximum depth and list items compared. */
const LIMITS = { depth: 12, items: 20 };

function bodyDifferences(
  old: unknown,
  postern: unknown,
  path: string,
  name: string,
  depth = 0,
): Difference[] {
  const at = path || 'body';
  const [theirs, ours] = [shapeOf(old, name), shapeOf(postern, name)];
  if (theirs !== ours) return [{ kind: 'type', at, old: theirs, postern: ours }];
  if (depth > LIMITS.depth) return [];
  if (Array.isArray(old) && Array.isArray(postern)) {
    const counts: Difference[] =
      old.length === postern.length
        ? []
        : [{ kind: 'value', at, old: 'a list', postern: 'a list of another length' }];
    const pairs = old.slice(0, LIMITS.items).map((item, index) => [item, postern[index]] as const);
    return [
      ...counts,
      ...pairs
        .filter((_, index) => index < postern.length)
        .flatMap(([one, other]) => bodyDifferences(one, other, `${path}[]`, name, depth + 1)),
    ];
  }
  if (typeof old === 'object' && old !== null) return fieldDifferences(old, postern as object, path, depth);
  const isTold =
    !theirs.startsWith('a time') && theirs !== 'a credential' && theirs !== 'a JWT' && !FLEETING.test(name);
  return isTold && !isDeepStrictEqual(old, postern)
    ? [{ kind: 'value', at, old: describe(old, theirs), postern: describe(postern, ours) }]
    : [];
}

/** Reports harmless values; others only as different. */
const describe = (value: unknown, shape: string): string =>
  typeof value === 'boolean' ? String(value) : shape;

function fieldDifferences(old: object, postern: object, path: string, depth: number): Difference[] {
  const [theirs, ours] = [old, postern] as Record<string, unknown>[];
  const names = [...new Set([...Object.keys(theirs!), ...Object.keys(ours!)])].slice(0, 200);
  return names.flatMap((name): Difference[] => {
    const at = path === '' ? nameOf(name) : `${path}.${nameOf(name)}`;
    if (!Object.hasOwn(ours!, name))
      return [{ kind: 'field', at, old: shapeOf(theirs![name], name), postern: 'missing' }];
    if (!Object.hasOwn(theirs!, name))
      return [{ kind: 'field', at, old: 'missing', postern: shapeOf(ours![name], name) }];
    return bodyDifferences(theirs![name], ours![name], at, name, depth + 1);
  });
}

/** Finds the differences of Postern's reply. With different statuses, bodies are not compared. */
export function differencesOf(old: Observed, postern: Observed): Difference[] {
  if (old.status !== postern.status)
    return [{ kind: 'status', at: 'status', old: String(old.status), postern: String(postern.status) }];
  const kindOf = ({ json, isEmpty }: Observed) =>
    isEmpty ? 'nothing' : json === undefined ? 'no JSON' : 'JSON';
  const [theirs, ours] = [kindOf(old), kindOf(postern)];
  if (theirs !== ours)
    return [...headerDifferences(old, postern), { kind: 'type', at: 'body', old: theirs, postern: ours }];
  const bodies = theirs === 'JSON' ? bodyDifferences(old.json, postern.json, '', '') : [];
  return [...headerDifferences(old, postern), ...bodies];
}
