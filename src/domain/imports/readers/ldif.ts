import type { Row } from '../importer.ts';
import { Refused, type Warning } from '../problems.ts';
import { utf8, type Input } from './input.ts';
import { linesOf, MAX_RECORD_BYTES } from './lines.ts';
import { errorOf } from './ndjson.ts';
import { chunksOf, type Reader } from './reader.ts';
import { withoutEmpty, localeOf, nameOf, timeOf } from './values.ts';

/** An entry: values by the name of the attribute in lower case, without options. */
type Attributes = Map<string, Buffer[]>;
type Entry = { line: number; attributes: Attributes } | { line: number; refused: Refused };

const SPACE = 0x20;
const HASH = 0x23;

/** @throws Refused. */
function parseLine(line: Buffer, attributes: Attributes): void {
  const at = line.indexOf(':');
  if (at < 1)
    throw new Refused('invalid_record', 'a line of the entry has no attribute: is it LDIF (RFC 2849)?');
  const name = line.subarray(0, at).toString('latin1').toLowerCase().replace(/;.*$/, '');
  const mark = line[at + 1];
  // A URL is never followed: the value is left out.
  if (mark === 0x3c) return;
  const isBase64 = mark === 0x3a;
  const rest = line
    .subarray(at + (isBase64 ? 2 : 1))
    .toString('latin1')
    .trim();
  if (isBase64 && !/^[A-Za-z\d+/]*={0,2}$/.test(rest))
    throw new Refused('invalid_record', `the value of ${name} is not base64`);
  const value = isBase64 ? Buffer.from(rest, 'base64') : Buffer.from(rest, 'latin1');
  const values = attributes.get(name);
  if (values) values.push(value);
  else attributes.set(name, [value]);
}

/** The entries of a file, each with its first line's number. */
export async function* entriesOf(input: Input): AsyncGenerator<Entry> {
  let start = 0;
  let attributes: Attributes = new Map();
  let parts: Buffer[] = [];
  let length = 0;
  let refused: Refused | null = null;
  let isComment = false;
  const endLine = (): void => {
    if (parts.length === 0) return;
    try {
      if (!refused) parseLine(Buffer.concat(parts), attributes);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused = error;
    }
    parts = [];
  };
  const endEntry = (): Entry[] => {
    endLine();
    const entry = refused ? { line: start, refused } : { line: start, attributes };
    const isEntry = refused !== null || attributes.has('dn');
    attributes = new Map();
    length = 0;
    refused = null;
    return isEntry ? [entry] : [];
  };
  for await (const { line, bytes } of linesOf(input.bytes())) {
    if (bytes?.length === 0) {
      yield* endEntry();
      start = 0;
      isComment = false;
      continue;
    }
    if (start === 0 && bytes?.[0] !== HASH) start = line;
    length += bytes?.length ?? MAX_RECORD_BYTES + 1;
    if (bytes === null || length > MAX_RECORD_BYTES) {
      refused ??= new Refused('line_too_long', 'the entry is longer than 1 MiB, too long for an account');
      continue;
    }
    if (bytes[0] === SPACE) {
      // A folded line continues the one before.
      if (!isComment) parts.push(bytes.subarray(1));
      continue;
    }
    endLine();
    isComment = bytes[0] === HASH;
    if (!isComment) parts.push(bytes);
  }
  yield* endEntry();
}

const MEMBER = 'ldif member';
const PEOPLE =
  /^(person|organizationalperson|inetorgperson|posixaccount|account|user|simplesecurityobject)$/i;
const GROUPS = /^(groupofnames|groupofuniquenames|posixgroup|group)$/i;

/** A person's entry, and its name in groups. */
interface Person {
  line: number;
  attributes: Attributes;
  keys: string[];
}

/** Blanks and case in a distinguished name have no meaning. */
const dnKey = (dn: string): string =>
  dn
    .toLowerCase()
    .replaceAll(/\s*([,=+])\s*/g, '$1')
    .trim();

/** @throws Refused when a value is not UTF-8. */
const texts = (attributes: Attributes, name: string): string[] =>
  (attributes.get(name) ?? []).map(utf8).filter((one) => one !== '');

/** Microsoft's GUIDs have their first three parts in little-endian order. */
function guid(bytes: Buffer | undefined): string | undefined {
  if (bytes?.length !== 16) return undefined;
  const hex = (from: number, to: number, isReversed: boolean) => {
    const part = Buffer.from(bytes.subarray(from, to));
    return (isReversed ? part.reverse() : part).toString('hex');
  };
  return [hex(0, 4, true), hex(4, 6, true), hex(6, 8, true), hex(8, 10, false), hex(10, 16, false)].join('-');
}

const YEARS_1601_TO_1970 = 11_644_473_600_000;
const ACCOUNT_DISABLED = 2;

function isLocked(attributes: Attributes): boolean {
  const one = (name: string) => texts(attributes, name)[0];
  return (
    one('pwdaccountlockedtime') !== undefined ||
    one('nsaccountlock')?.toLowerCase() === 'true' ||
    (Number(one('useraccountcontrol') ?? 0) & ACCOUNT_DISABLED) !== 0
  );
}

function lastLogin(attributes: Attributes): unknown {
  const stamp = Number(texts(attributes, 'lastlogontimestamp')[0] ?? 0);
  if (stamp > 0) return new Date(stamp / 10_000 - YEARS_1601_TO_1970).toISOString();
  return timeOf(texts(attributes, 'authtimestamp')[0]);
}

function recordOf(attributes: Attributes, groups: readonly string[]): Omit<Row, 'line'> {
  const warnings: Warning[] = [];
  const one = (...names: string[]) =>
    names.map((name) => texts(attributes, name)[0]).find((value) => value !== undefined);
  const [email, ...others] = texts(attributes, 'mail');
  const [hash, ...hashes] = texts(attributes, 'userpassword');
  if (hashes.length > 0)
    warnings.push({
      code: 'second_password_dropped',
      message: 'the entry has several passwords: the first is imported',
    });
  const kept = { ...(others.length > 0 && { other_mail: others }) };
  const isPlain = hash !== undefined && !/^[{$]/.test(hash);
  const record = withoutEmpty({
    source_id:
      one('entryuuid') ?? guid(attributes.get('objectguid')?.[0]) ?? one('nsuniqueid', 'ipauniqueid', 'dn'),
    username: one('uid', 'samaccountname'),
    email,
    // The directory's administrators assigned its addresses.
    name: nameOf(one('displayname', 'cn')),
    given_name: nameOf(one('givenname')),
    family_name: nameOf(one('sn')),
    locale: localeOf(one('preferredlanguage')),
    status: isLocked(attributes) ? 'suspended' : 'active',
    groups,
    created_at: timeOf(one('createtimestamp', 'whencreated')),
    last_login_at: lastLogin(attributes),
    password_changed_at: timeOf(one('pwdchangedtime')),
    password_hash: hash,
    password_hash_format: isPlain ? 'plain' : undefined,
    attributes: { ...kept, dn: one('dn') },
  });
  return { record, warnings };
}

/** LDIF (RFC 2849) of OpenLDAP, 389 Directory, FreeIPA, Active Directory. Groups may come before or after their members. */
export const ldif: Reader = async function* read({ input, companions, staging }) {
  const isOf = (attributes: Attributes, classes: RegExp) =>
    texts(attributes, 'objectclass').some((one) => classes.test(one));
  for (const file of [input, ...companions])
    for await (const entries of chunksOf(entriesOf(file)))
      for (const entry of entries) {
        if ('refused' in entry || !isOf(entry.attributes, GROUPS)) continue;
        const [name] = texts(entry.attributes, 'cn');
        const members = ['member', 'uniquemember']
          .flatMap((kind) => texts(entry.attributes, kind))
          .map(dnKey);
        const uids = texts(entry.attributes, 'memberuid').map((uid) => `uid:${uid}`);
        if (name !== undefined)
          await staging.put(
            MEMBER,
            [...members, ...uids].map((key) => ({ key, value: name })),
          );
      }
  for await (const entries of chunksOf(entriesOf(input))) {
    const keysOf = (attributes: Attributes) => [
      ...texts(attributes, 'dn').map(dnKey),
      ...texts(attributes, 'uid').map((uid) => `uid:${uid}`),
    ];
    const isPerson = (attributes: Attributes) =>
      isOf(attributes, PEOPLE) && !isOf(attributes, GROUPS) && !isOf(attributes, /^computer$/i);
    const readable = entries.flatMap((entry): (Person | Extract<Entry, { refused: Refused }>)[] => {
      if ('refused' in entry) return [entry];
      try {
        return isPerson(entry.attributes) ? [{ ...entry, keys: keysOf(entry.attributes) }] : [];
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        return [{ line: entry.line, refused: error }];
      }
    });
    const groups = await staging.of<string>(
      MEMBER,
      readable.flatMap((entry) => ('keys' in entry ? entry.keys : [])),
    );
    for (const entry of readable) {
      try {
        if ('refused' in entry) throw entry.refused;
        const names = [...new Set(entry.keys.flatMap((key) => groups.get(key) ?? []))];
        yield { line: entry.line, ...recordOf(entry.attributes, names) };
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        yield { line: entry.line, problem: errorOf(error) };
      }
    }
  }
};
