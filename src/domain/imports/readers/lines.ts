/** The longest line, and the longest record of a JSON file, in bytes. */
export const MAX_RECORD_BYTES = 1 << 20;

/** A line without its end; null for one that is too long. */
export interface Line {
  line: number;
  bytes: Buffer | null;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

const withoutReturn = (bytes: Buffer): Buffer => (bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes);

/** The lines of a file. Only the number is kept of one that is too long. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  maxBytes = MAX_RECORD_BYTES,
): AsyncGenerator<Line> {
  let line = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (bytes: Buffer): void => {
    length += bytes.length;
    if (length > maxBytes) parts = [];
    else if (bytes.length > 0) parts.push(bytes);
  };
  const end = (): Line => {
    const [only = Buffer.alloc(0)] = parts;
    const whole = parts.length > 1 ? Buffer.concat(parts) : only;
    const ended = { line, bytes: length > maxBytes ? null : withoutReturn(whole) };
    line += 1;
    parts = [];
    length = 0;
    return ended;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, at));
      yield end();
      start = at + 1;
    }
    take(chunk.subarray(start));
  }
  if (length > 0) yield end();
}
