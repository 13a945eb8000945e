import { type DestinationStream, pino } from 'pino';

/** Characters that are written without waiting for more. */
const FULL = 16_000;
/** Milliseconds that a line waits for others at most. */
const FLUSH_INTERVAL = 500;

/** Standard output for a line of every request: many go out in one write. None is lost by `process.exit`. */
export function bufferedOutput(): DestinationStream & { flushSync(): void } {
  const output = pino.destination({ dest: 1, sync: false });
  let lines: string[] = [];
  let length = 0;
  const flush = () => {
    if (length > 0) output.write(lines.join(''));
    lines = [];
    length = 0;
  };
  setInterval(flush, FLUSH_INTERVAL).unref();
  // Before pino's own listener, which writes what `output` still holds.
  process.prependListener('exit', flush);
  return {
    write(line) {
      lines.push(line);
      length += line.length;
      if (length >= FULL) flush();
    },
    /** pino calls it after a fatal line. */
    flushSync() {
      flush();
      output.flushSync();
    },
  };
}
