import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isUtf8 } from 'node:buffer';
import { Refused } from '../problems.ts';

/** A UTF-8 file that can be read again from its start. */
export interface Input {
  name: string;
  size: number;
  bytes(): AsyncIterable<Buffer>;
  /** Bytes that the current reading has consumed. */
  readonly position: number;
  /** Its first characters. */
  head: string;
  close(): Promise<void>;
}

const HEAD = 65_536;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** The encoding by the file's byte order mark; UTF-8 without one. */
function encodingOf(start: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  return start[0] === 0xfe && start[1] === 0xff ? 'utf-16be' : 'utf-8';
}

async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const chunk of chunks) {
    yield isFirst && chunk.subarray(0, 3).equals(BOM) ? chunk.subarray(3) : chunk;
    isFirst = false;
  }
}

async function* decoded(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }));
  yield Buffer.from(decoder.decode());
}

/** Opens a file. @throws the file system's error. */
export async function openFile(file: string, name = file, cleanUp = async () => {}): Promise<Input> {
  const { size } = await stat(file);
  const handle = await open(file);
  const start = Buffer.alloc(Math.min(HEAD, size));
  await handle.read(start, 0, start.length, 0);
  await handle.close();
  const encoding = encodingOf(start);
  let position = 0;
  async function* raw(): AsyncGenerator<Buffer> {
    position = 0;
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) {
      position += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  }
  return {
    name,
    size,
    bytes: () => (encoding === 'utf-8' ? withoutMark(raw()) : decoded(raw(), encoding)),
    get position() {
      return position;
    },
    head: new TextDecoder(encoding).decode(start),
    close: cleanUp,
  };
}

/** Copies standard input to a private file, because it is read more than once. */
export async function openStream(stream: NodeJS.ReadableStream): Promise<Input> {
  const folder = await mkdtemp(path.join(tmpdir(), 'postern-import-'));
  const file = path.join(folder, 'input');
  const cleanUp = () => rm(folder, { recursive: true, force: true });
  try {
    const handle = await open(file, 'wx', 0o600);
    await pipeline(stream, handle.createWriteStream());
    return await openFile(file, '-', cleanUp);
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** @throws Refused invalid_utf8. */
export function utf8(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  throw new Refused('invalid_utf8', 'the text is not UTF-8: convert the file');
}
