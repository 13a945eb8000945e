import type { Row } from '../importer.ts';
import { Refused } from '../problems.ts';
import type { Input } from './input.ts';
import { utf8 } from './input.ts';
import { MAX_RECORD_BYTES } from './lines.ts';
import { errorOf } from './ndjson.ts';

const [QUOTE, NEWLINE, RETURN] = [0x22, 0x0a, 0x0d];
const DELIMITERS = [',', ';', '\t'] as const;

/** Cells of a CSV record, or the reason for none. */
type Cells = { record: number; cells: string[] } | { record: number; refused: Refused };

/** The delimiter that occurs most in the first line. */
export function delimiterOf(head: string): string {
  const [line = ''] = head.split(/\r?\n/, 1);
  const bare = line.replaceAll(/"(?:[^"]|"")*"/g, '');
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
}

/**
 * The records of a CSV file (RFC 4180), with any delimiter and line ending. An unreadable record is skipped to the end of its
 * line, and no more of it is kept than the maximum length.
 */
export async function* cellsOf(
  input: Input,
  delimiter: string,
  maxBytes = MAX_RECORD_BYTES,
): AsyncGenerator<Cells> {
  const separator = delimiter.charCodeAt(0);
  let record = 1;
  let cells: string[] = [];
  let parts: Buffer[] = [];
  let length = 0;
  let refused: Refused | null = null;
  /** Before a cell, in a plain one, in a quoted one, or after a quote in or at the end of it. */
  let state: 'start' | 'plain' | 'quoted' | 'quote' = 'start';
  let isEmpty = true;

  const take = (bytes: Buffer): void => {
    if (refused || bytes.length === 0) return;
    length += bytes.length;
    if (length <= maxBytes) {
      parts.push(bytes);
      return;
    }
    const hint = state === 'quoted' ? ': is a quote not closed?' : '';
    refused = new Refused('line_too_long', `the record is longer than 1 MiB${hint}`);
    parts = [];
    // An unclosed quote would take the rest of the file.
    state = 'plain';
  };
  /** Half of a line ending, when a chunk ended between the two. */
  const dropReturn = (): void => {
    const last = parts.at(-1);
    if (last?.at(-1) === RETURN) parts[parts.length - 1] = last.subarray(0, -1);
  };
  const endCell = (): void => {
    if (!refused) {
      try {
        const text = utf8(Buffer.concat(parts));
        if (text.includes('\0'))
          throw new Refused(
            'nul_character',
            'the record has NUL characters: is the file UTF-16 without a byte order mark?',
          );
        cells.push(text);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refused = error;
      }
    }
    parts = [];
    state = 'start';
  };
  const endRecord = (): Cells => {
    const ended: Cells = refused ? { record, refused } : { record, cells };
    record += 1;
    cells = [];
    length = 0;
    refused = null;
    isEmpty = true;
    return ended;
  };

  for await (const chunk of input.bytes()) {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (state === 'quoted') {
        if (byte !== QUOTE) continue;
        take(chunk.subarray(start, at));
        if ((state as string) === 'quoted') state = 'quote';
        start = at + 1;
        continue;
      }
      if (state === 'quote') {
        if (byte === QUOTE) {
          // A doubled quote is one: the second is taken with what follows.
          state = 'quoted';
          start = at;
          continue;
        }
        if (byte !== separator && byte !== NEWLINE && byte !== RETURN)
          refused ??= new Refused(
            'invalid_record',
            'there is text after a closing quote: double the quotes within a cell',
          );
        state = 'plain';
        start = at;
      }
      if (state === 'start' && byte === QUOTE) {
        state = 'quoted';
        start = at + 1;
        isEmpty = false;
        continue;
      }
      if (state === 'start') {
        state = 'plain';
        start = at;
      }
      if (byte === separator) {
        take(chunk.subarray(start, at));
        endCell();
        start = at + 1;
        isEmpty = false;
      } else if (byte === NEWLINE) {
        const end = at > start && chunk[at - 1] === RETURN ? at - 1 : at;
        if (end > start) isEmpty = false;
        take(chunk.subarray(start, end));
        dropReturn();
        if (isEmpty) {
          parts = [];
          state = 'start';
        } else {
          endCell();
          yield endRecord();
        }
        start = at + 1;
      }
    }
    if (state === 'quoted' || state === 'plain') {
      const rest = chunk.subarray(start);
      if (rest.length > 0) isEmpty = false;
      take(rest);
    }
  }
  if ((state as string) === 'quoted') {
    refused ??= new Refused(
      'invalid_record',
      'the file ends within quotes: it is truncated, or a quote is not closed',
    );
    yield endRecord();
  } else if (!isEmpty) {
    dropReturn();
    endCell();
    yield endRecord();
  }
}

/** A CSV record by column name, as text. */
export type Table = AsyncIterable<Row & { record?: Record<string, string> }>;

/** The records of a CSV file under the names of `header`, or of its first record. Lines count records, from 1. */
export async function* rowsOfCsv(input: Input, header?: readonly string[]): Table {
  let names = header;
  const offset = header ? 0 : 1;
  for await (const one of cellsOf(input, delimiterOf(input.head))) {
    const line = one.record - offset;
    if ('refused' in one) {
      if (!names) throw one.refused;
      yield { line, problem: errorOf(one.refused) };
      continue;
    }
    if (!names) {
      names = one.cells.map((name) => name.trim());
      continue;
    }
    const { length } = one.cells;
    if (length > names.length || (header === undefined && length < names.length)) {
      const message = `the record has ${length} cells and the header ${names.length}`;
      yield { line, problem: { code: 'invalid_record', message, severity: 'error' } };
      continue;
    }
    yield { line, record: Object.fromEntries(one.cells.map((cell, index) => [names?.[index] ?? '', cell])) };
  }
}

/** The columns of a CSV file. */
export async function columnsOf(input: Input): Promise<string[]> {
  for await (const one of cellsOf(input, delimiterOf(input.head)))
    return 'cells' in one ? one.cells.map((name) => name.trim()) : [];
  return [];
}
