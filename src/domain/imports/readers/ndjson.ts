import type { Row } from '../importer.ts';
import { type Problem, Refused } from '../problems.ts';
import type { RawRecord } from '../record.ts';
import { type Input, utf8 } from './input.ts';
import { linesOf } from './lines.ts';

export const errorOf = ({ code, message }: Refused): Omit<Problem, 'line'> => ({
  code,
  message,
  severity: 'error' as const,
});

const TOO_LONG = new Refused('line_too_long', 'the line is longer than 1 MiB, too long for an account');

/** @throws Refused. */
export function parseObject(bytes: Buffer): RawRecord {
  const text = utf8(bytes);
  if (text.includes('\0'))
    throw new Refused(
      'nul_character',
      'the line has NUL characters: is the file UTF-16 without a byte order mark?',
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Leave out the text that the parser quotes: it may be part of a password hash.
    const reason = (error as Error).message.replace(/[,:]? ?(?:"|\.\.\.).*$/s, '');
    throw new Refused('invalid_json', `not JSON: ${reason.slice(0, 100)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refused('invalid_record', 'not a JSON object');
  return value as RawRecord;
}

/** Objects, one per line; empty lines are skipped. */
export async function* objectsByLine(input: Input): AsyncGenerator<Row> {
  for await (const { line, bytes } of linesOf(input.bytes())) {
    if (bytes?.length === 0 || (bytes && bytes.length < 256 && bytes.toString().trim() === '')) continue;
    try {
      if (bytes === null) throw TOO_LONG;
      yield { line, record: parseObject(bytes) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      yield { line, problem: errorOf(error) };
    }
  }
}
