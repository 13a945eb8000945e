import type { Row } from '../importer.ts';
import { Refused } from '../problems.ts';
import type { Input } from './input.ts';
import { MAX_RECORD_BYTES } from './lines.ts';
import { errorOf, parseObject } from './ndjson.ts';

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
/** Maximum depth; no record is deeper. */
const MAX_DEPTH = 64;
/** Maximum length of a list's name. */
const MAX_NAME_LENGTH = 64;

/** An element of a list in a JSON file: its bytes, or why they are missing. */
export interface Item {
  /** The name of the list; empty for the file's top-level list. */
  list: string;
  /** From 1, over all lists. */
  index: number;
  bytes: Buffer | null;
  refused: Refused | null;
}

const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * The elements of lists in a JSON file, one by one: of the top-level list, or of the lists under one of `names` in objects. Only
 * one element is in memory.
 * @throws Refused invalid_json when the file is cut off.
 */
export async function* itemsOf(
  chunks: AsyncIterable<Buffer>,
  names: readonly string[] | null,
): AsyncGenerator<Item> {
  let depth = 0;
  let index = 0;
  let isInString = false;
  let isEscaped = false;
  let name: number[] = [];
  let key = '';
  /** The current list: its name, and the depth of its elements. */
  let list: string | null = null;
  let base = 0;
  let parts: Buffer[] = [];
  let length = 0;
  let hasBegun = false;
  let refused: Refused | null = null;
  let hasContent = false;

  const take = (bytes: Buffer): void => {
    length += bytes.length;
    if (length > MAX_RECORD_BYTES)
      refused ??= new Refused('line_too_long', 'the record is longer than 1 MiB, too long for an account');
    if (refused) parts = [];
    else if (bytes.length > 0) parts.push(bytes);
  };
  const end = (): Item => {
    index += 1;
    const item = { list: list ?? '', index, bytes: refused ? null : Buffer.concat(parts), refused };
    parts = [];
    length = 0;
    hasBegun = false;
    refused = null;
    return item;
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isInString = false;
        if (list === null && isInString && name.length < MAX_NAME_LENGTH) name.push(byte);
        continue;
      }
      if (isBlank(byte)) continue;
      hasContent = true;
      if (list !== null && depth === base && (byte === COMMA || byte === CLOSE_LIST)) {
        if (hasBegun) {
          take(chunk.subarray(start, at));
          yield end();
        }
        if (byte === COMMA) continue;
        list = null;
        depth -= 1;
        continue;
      }
      if (list !== null && !hasBegun) {
        hasBegun = true;
        start = at;
      }
      if (byte === QUOTE) {
        isInString = true;
        name = [];
      } else if (byte === COLON && list === null) key = Buffer.from(name).toString();
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        const isWanted = byte === OPEN_LIST && list === null && (names ? names.includes(key) : depth === 0);
        depth += 1;
        if (isWanted) [list, base] = [names ? key : '', depth];
        else if (depth - base > MAX_DEPTH && list !== null)
          refused ??= new Refused(
            'invalid_json',
            `nested more than ${MAX_DEPTH} deep, too deep for an account`,
          );
        key = '';
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
    }
    if (hasBegun) take(chunk.subarray(start));
  }
  if (depth > 0 || !hasContent || isInString)
    throw new Refused('invalid_json', 'the file is truncated: export it again');
}

/** The objects of lists in a JSON file. Lines count them, from 1; a truncated file ends with a problem. */
export async function* objectsOf(
  input: Input,
  names: readonly string[] | null,
): AsyncGenerator<Row & { list?: string }> {
  let last = 0;
  try {
    for await (const { list, index, bytes, refused } of itemsOf(input.bytes(), names)) {
      last = index;
      try {
        if (refused) throw refused;
        yield { line: index, list, record: parseObject(bytes ?? Buffer.alloc(0)) };
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        yield { line: index, problem: errorOf(error) };
      }
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    yield { line: last + 1, problem: errorOf(error) };
  }
}
