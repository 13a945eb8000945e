import { type DestinationStream, pino } from 'pino';
import type { Config } from '../../config/index.ts';
import { createLogger, type Logger, serverLogLevel } from '../../core/logger.ts';

/**
 * The server's log: JSON lines, on standard output in production. In development standard output is for people, so
 * the log is on standard error.
 * @param quiet keeps the log off standard output in production too.
 */
export function serverLogger(config: Config, quiet: boolean): Logger {
  return createLogger(
    serverLogLevel(config),
    config.production && !quiet ? bufferedOutput() : pino.destination(2),
  );
}

/** Logs an uncaught error before it ends the process. */
export function logCrash(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'the process ends after an unexpected error');
    process.exit(1);
  });
}

/** Characters that trigger a write. */
const FULL = 16_000;
/** Longest time a line is buffered, in milliseconds. */
const FLUSH_INTERVAL = 500;

/** Buffered standard output for request logs: many lines go out in one write. None is lost by `process.exit`. */
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
