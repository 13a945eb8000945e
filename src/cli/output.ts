import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { StartupError } from '../core/errors.ts';

/** @throws StartupError when the output cannot be written; rethrows anything else. */
function explainWriting(error: unknown, where: string): never {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) throw error;
  throw new StartupError(`Cannot write ${where} (${code}).`, { cause: error });
}

/** Writes `file` atomically, readable by its owner alone. */
export async function toFile(pieces: AsyncIterable<string>, file: string): Promise<void> {
  const part = `${file}.part`;
  try {
    await pipeline(pieces, createWriteStream(part, { mode: 0o600 }));
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    explainWriting(error, file);
  }
}

/** Writes to standard output and leaves it open. @throws StartupError. */
export const toStandardOutput = (pieces: AsyncIterable<string>): Promise<void> =>
  pipeline(pieces, process.stdout, { end: false }).catch((error: unknown) =>
    explainWriting(error, 'to standard output'),
  );
