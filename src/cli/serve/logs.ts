import { type DestinationStream, pino } from 'pino';
import type { Config } from '../../config/index.ts';
import { createLogger, type Logger, serverLogLevel } from '../../core/logger.ts';

/**
 * The server's log: JSON lines, on standard output in production. On a developer's terminal that belongs to people, so
 * it is on standard error there.
 * @param quiet leaves standard output alone in production too.
 */
export function serverLogger(config: Config, quiet: boolean): Logger {
  return createLogger(
    serverLogLevel(config),
    config.production && !quiet ? bufferedOutput() : pino.destination(2),
  );
}

/** An error that nobody caught ends the process, but not without a word in the log. */
export function logCrash(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'the process ends after an unexpected error');
    process.exit(1);
  });
}

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
