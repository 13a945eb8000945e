/** Bodies made from an operation's schema that it must refuse, or at least survive. */
import { z } from 'zod';
import type { Operation } from '../../../src/http/contracts/contract.ts';

export type Body = Record<string, unknown>;

export interface BadBody {
  title: string;
  /** As sent. */
  body: string | Buffer;
  type?: string;
  /** The reply has one of these statuses. Unless given, any status that the operation documents. */
  statuses?: number[];
}

const BAD = [400];

/** Bodies that are not JSON for any operation. */
export const unreadable = (good: Body): BadBody[] => {
  const json = JSON.stringify(good);
  const [first = 'x'] = Object.keys(good);
  const escaped = `\\u${first.charCodeAt(0).toString(16).padStart(4, '0')}${first.slice(1)}`;
  return [
    { title: 'nothing', body: '', statuses: BAD },
    { title: 'half of it', body: json.slice(0, -3), statuses: BAD },
    { title: 'with something behind', body: `${json}x`, statuses: BAD },
    { title: 'a trailing comma', body: json.replace(/\}$/, ',}'), statuses: BAD },
    { title: 'single quotes', body: json.replaceAll('"', "'"), statuses: BAD },
    {
      title: 'no UTF-8',
      body: Buffer.concat([Buffer.from(json.slice(0, -2)), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
      statuses: BAD,
    },
    { title: 'null', body: 'null', statuses: BAD },
    { title: 'a list', body: `[${json}]`, statuses: BAD },
    { title: 'text', body: '"text"', statuses: BAD },
    { title: 'a number', body: '1e999', statuses: BAD },
    { title: 'deep', body: `${'['.repeat(30_000)}${']'.repeat(30_000)}`, statuses: BAD },
    {
      title: 'deep inside',
      body: json.replace(/\}$/, `,"x":${'{"x":'.repeat(5000)}1${'}'.repeat(5000)}}`),
      statuses: BAD,
    },
    { title: 'a name twice', body: json.replace('{', `{"${first}":"other",`), statuses: BAD },
    { title: 'a name twice, once escaped', body: json.replace('{', `{"${escaped}":"other",`), statuses: BAD },
    { title: 'too large', body: JSON.stringify({ ...good, padding: 'x'.repeat(70_000) }), statuses: [413] },
    ...[
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonx',
      '',
    ].map((type) => ({ title: `as "${type}"`, body: json, type, statuses: [415] })),
  ];
};

const ODD_TEXTS: Record<string, string> = {
  'empty': '',
  'a space': ' ',
  'NUL': 'a\0b',
  'a lone surrogate': 'a\ud800b',
  'long': 'x'.repeat(20_000),
  'a line break': 'a\r\nSet-Cookie: x=y',
  'SQL': `' or 1=1; drop table users; --`,
  'markup': '<script>alert(1)</script>',
  'right to left': '\u202eabc',
  'not normal': 'a\u0301\u0301\u0301ﷺ',
  'a path': '../../etc/passwd',
  'a number': '42',
  'a prototype': '__proto__',
};

/** Valid JSON that is invalid for the operation: missing fields, wrong types, senseless values. */
export function wrong({ body: schema }: Operation, good: Body): BadBody[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema!, { io: 'input' });
  const made = (title: string, body: Body, statuses?: number[]): BadBody => ({
    title,
    body: JSON.stringify(body),
    ...(statuses ? { statuses } : {}),
  });
  const without = required.map((name) => {
    const { [name]: _left, ...rest } = good;
    return made(`without ${name}`, rest, BAD);
  });
  const others = Object.entries(properties).flatMap(([name, property]) => {
    const isList = (property as { type?: string }).type === 'array';
    const types: unknown[] = [null, 42, true, {}, isList ? 'x' : [], isList ? [7] : ['x']];
    return [
      ...types.map((value) => made(`${name}: ${JSON.stringify(value)}`, { ...good, [name]: value }, BAD)),
      ...(isList ? [] : Object.entries(ODD_TEXTS)).map(([title, value]) =>
        made(`${name}: ${title}`, { ...good, [name]: value }),
      ),
    ];
  });
  return [...(required.length > 0 ? [made('an empty object', {}, BAD)] : []), ...without, ...others];
}
